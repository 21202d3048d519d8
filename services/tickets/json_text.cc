#include "services/tickets/json_text.h"

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/errors.h"
#include "common/base/payload_path.h"
#include "common/time/rfc3339.h"

namespace watchbell::tickets {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxWhy = 200;  // bytes

// The sentence in "[json.exception.parse_error.101] parse error at line 1, column 2: <why>; last
// read: '<input>'". The input is left out: it may be long, and no UTF-8.
std::string WhyOf(absl::string_view what) {
  const size_t begin = what.find("] ");
  if (begin != absl::string_view::npos) what.remove_prefix(begin + 2);
  return std::string(what.substr(0, what.find("; last read")).substr(0, kMaxWhy));
}

// Reads a text once without keeping it: is it JSON, how deep, and which names come twice. The
// parser that builds the document is let at it only afterwards: asked to watch such things itself,
// it takes minutes over a mebibyte of empty objects.
class Watcher : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return Value(); }
  bool boolean(bool) override { return Value(); }
  bool number_integer(number_integer_t) override { return Value(); }
  bool number_unsigned(number_unsigned_t) override { return Value(); }
  bool number_float(number_float_t, const string_t&) override { return Value(); }
  bool string(string_t&) override { return Value(); }
  bool binary(binary_t&) override { return Value(); }
  bool start_object(std::size_t) override { return Open(false); }
  bool start_array(std::size_t) override { return Open(true); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    Level& level = open_.back();
    level.name = name;
    if (!level.names.insert(name).second) twice_.emplace(Item(), name);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const Json::exception& error) override {
    const std::string why = WhyOf(error.what());
    fault_ = Fault(absl::StrContains(why, "UTF-8") ? "INVALID_UTF8" : "MALFORMED_JSON", why);
    return false;
  }

  const Fault& fault() const { return fault_; }
  std::map<std::string, std::string> TakeTwice() { return std::move(twice_); }

 private:
  struct Level {
    bool array;
    int index;
    std::string name;
    std::set<std::string> names;
  };

  bool Value() {
    if (!open_.empty() && open_.back().array) ++open_.back().index;
    return true;
  }
  bool Open(bool array) {
    Value();
    open_.push_back({array, -1, "", {}});
    if (open_.size() <= kMaxDepth) return true;
    fault_ = Fault("TOO_DEEP", absl::StrCat("is nested deeper than ", kMaxDepth));
    return false;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }
  // The item of the outermost array we are in; "" if in none.
  std::string Item() const {
    std::string path;
    for (const Level& level : open_) {
      if (level.array) return absl::StrCat(path, "/", level.index);
      absl::StrAppend(&path, "/", Step(level.name));
    }
    return "";
  }

  std::vector<Level> open_;
  std::map<std::string, std::string> twice_;
  Fault fault_;
};

}  // namespace

Fault::Fault(absl::string_view reason, absl::string_view sentence, absl::string_view where)
    : text(absl::StrCat(reason, ": ", sentence)), path(where) {}

absl::Status BadPayload(const Fault& fault) {
  return AtPath(InvalidField("payload", fault.text), fault.path);
}

absl::StatusOr<JsonText> ParseJsonText(absl::string_view text) {
  if (absl::StripAsciiWhitespace(text).empty()) return BadPayload(Fault("EMPTY_BODY", "is empty"));
  Watcher watcher;
  if (!Json::sax_parse(text.begin(), text.end(), &watcher)) return BadPayload(watcher.fault());
  JsonText parsed;
  parsed.document = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  parsed.twice = watcher.TakeTwice();
  return parsed;
}

std::string OneLine(absl::string_view text, size_t characters) {
  std::string line;
  size_t count = 0;
  for (const char c : text) {
    const bool begins = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (begins && ++count > characters) break;
    line.push_back(absl::ascii_iscntrl(static_cast<unsigned char>(c)) ? ' ' : c);
  }
  return std::string(absl::StripAsciiWhitespace(line));
}

std::string Shown(absl::string_view name) {
  constexpr size_t kMost = 60;
  std::string line = OneLine(name, kMost + 1);
  std::string shorter = OneLine(line, kMost);
  return shorter == line ? line : absl::StrCat(OneLine(shorter, kMost - 3), "...");
}

std::string Step(absl::string_view name) {
  return absl::StrReplaceAll(name, {{"~", "~0"}, {"/", "~1"}});
}

std::string TextAt(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

std::optional<absl::Time> TimeOf(absl::string_view text) {
  constexpr int64_t kYearTwo = -62'104'060'800;
  const std::optional<absl::Time> time = ParseRfc3339(text);
  return time.has_value() && absl::ToUnixSeconds(*time) >= kYearTwo ? time : std::nullopt;
}

bool IsUtf8(absl::string_view text) {
  try {
    (void)Json(std::string(text)).dump();
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

}  // namespace watchbell::tickets
