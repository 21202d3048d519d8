#include "services/sla/policies/metric_rules.h"

#include <string>
#include <utility>
#include <vector>

namespace watchbell::sla {
namespace {

template <typename Texts>
std::vector<std::string> Values(const Texts& texts) {
  return {texts.begin(), texts.end()};
}

template <typename Enum>
std::vector<std::string> Names(const google::protobuf::RepeatedField<int>& numbers,
                               const std::string& (*name)(Enum)) {
  std::vector<std::string> names;
  for (const int number : numbers) names.push_back(name(static_cast<Enum>(number)));
  return names;
}

v1::Condition Selector(const v1::Target& target) {
  std::vector<v1::Condition> parts;
  const auto add = [&parts](const char* field, std::vector<std::string> values) {
    if (!values.empty()) parts.push_back(Is(field, std::move(values)));
  };
  add("type", Names<tickets::v1::TicketType>(target.types(), tickets::v1::TicketType_Name));
  if (target.metric() == v1::METRIC_FULFILMENT && target.types().empty()) {
    add("type", {"TICKET_TYPE_SERVICE_REQUEST"});
  }
  add("priority", Names<tickets::v1::Priority>(target.priorities(), tickets::v1::Priority_Name));
  add("category", Values(target.categories()));
  add("site", Values(target.sites()));
  add("service", Values(target.services()));
  add("channel", Names<tickets::v1::Channel>(target.channels(), tickets::v1::Channel_Name));
  if (target.has_vip()) add("vip", {target.vip() ? "true" : "false"});
  add("tags", Values(target.tags()));
  // To leave the groups of an operational level stops its clock; it does not cancel it.
  if (target.metric() != v1::METRIC_OPERATIONAL_LEVEL) add("group", Values(target.groups()));
  if (target.relative().due_date()) parts.push_back(IsSet("due_at"));
  if (target.has_when()) parts.push_back(target.when());
  return All(std::move(parts));
}

v1::Condition Pause(const v1::Target& target) {
  std::vector<v1::Condition> parts;
  if (!target.pause_on().empty()) {
    parts.push_back(All({Is("state", {"STATE_ON_HOLD"}),
                         Is("hold_reason", Names<tickets::v1::HoldReason>(
                                               target.pause_on(), tickets::v1::HoldReason_Name))}));
  }
  if (target.has_pause()) parts.push_back(target.pause());
  return parts.empty() ? Never() : Any(std::move(parts));
}

v1::Condition Finished() { return Is("state", {"STATE_RESOLVED", "STATE_CLOSED"}); }

v1::Condition Open() { return None({Finished()}); }

// Something the requester and the desk can both read.
v1::Condition CommentBy(const char* actor) {
  return All(
      {Is("event", {"commented"}), Is("event_public", {"true"}), Is("event_actor", {actor})});
}

// Of the metric: start, stop, reset, cancel, repeats.
RuleConditions Defaults(const v1::Target& target) {
  RuleConditions rules;
  switch (target.metric()) {
    case v1::METRIC_FIRST_RESPONSE:
      rules.start = Always();
      rules.stop = Is("responded", {"true"});
      rules.cancel = Finished();
      break;
    case v1::METRIC_RESOLUTION:
    case v1::METRIC_FULFILMENT:
      rules.start = Always();
      rules.stop = Finished();
      break;
    case v1::METRIC_NEXT_RESPONSE:
      rules.start = All({CommentBy("ACTOR_KIND_REQUESTER"), Open()});
      rules.stop = CommentBy("ACTOR_KIND_AGENT");
      rules.cancel = Finished();
      rules.repeats = true;
      break;
    case v1::METRIC_PERIODIC_UPDATE:
      rules.start = Open();
      rules.reset = CommentBy("ACTOR_KIND_AGENT");
      rules.cancel = Finished();
      break;
    case v1::METRIC_OPERATIONAL_LEVEL: {
      const v1::Condition with_groups = Is("group", Values(target.groups()));
      rules.start = All({with_groups, Open()});
      rules.stop = Any({None({with_groups}), Finished()});
      rules.repeats = true;
      break;
    }
    case v1::METRIC_UNDERPINNING_CONTRACT:
      rules.start =
          All({Is("state", {"STATE_ON_HOLD"}), Is("hold_reason", {"HOLD_REASON_VENDOR"})});
      rules.stop = None({rules.start});
      rules.repeats = true;
      break;
    default:  // NAMED has none
      break;
  }
  return rules;
}

}  // namespace

RuleConditions ConditionsOf(const v1::Target& target) {
  RuleConditions rules = Defaults(target);
  rules.selector = Selector(target);
  rules.pause = Pause(target);
  if (target.has_start()) rules.start = target.start();
  if (target.has_stop()) rules.stop = target.stop();
  if (target.has_reset()) rules.reset = target.reset();
  if (target.has_cancel()) rules.cancel = target.cancel();
  if (target.has_resume()) rules.resume = target.resume();
  if (target.has_repeats()) rules.repeats = target.repeats();
  return rules;
}

Rules CompileRules(const v1::Target& target) {
  const RuleConditions conditions = ConditionsOf(target);
  return {Compile(conditions.selector), Compile(conditions.start),  Compile(conditions.stop),
          Compile(conditions.reset),    Compile(conditions.cancel), Compile(conditions.pause),
          Compile(conditions.resume),   target.has_resume(),        conditions.repeats};
}

}  // namespace watchbell::sla
