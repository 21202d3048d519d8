#include "common/bus/dead_letter_record.h"

#include "common/bus/attribute_text.h"
#include "gtest/gtest.h"
#include "watchbell/events/v1/dead_letters.pb.h"

namespace watchbell::bus {
namespace {

// There and back, through bytes.
Record Carry(const Record& record) {
  admin::v1::DeadLetter letter;
  PutRecord(record, &letter);
  admin::v1::DeadLetter stored;
  EXPECT_TRUE(stored.ParseFromString(letter.SerializeAsString()));
  return TakeRecord(stored);
}

void ExpectSame(const Record& a, const Record& b) {
  EXPECT_EQ(a.topic, b.topic);
  EXPECT_EQ(a.shard, b.shard);
  EXPECT_EQ(a.offset, b.offset);
  EXPECT_EQ(a.sequence, b.sequence);
  EXPECT_EQ(a.key, b.key);
  EXPECT_EQ(a.null_key, b.null_key);
  EXPECT_EQ(a.value, b.value);
  EXPECT_EQ(a.null_value, b.null_value);
  EXPECT_EQ(a.headers, b.headers);
  EXPECT_EQ(a.null_headers, b.null_headers);
}

TEST(DeadLetterRecordTest, ARecordOfAnyKindComesBackByteForByte) {
  Record record{"t", 3, 77, 5, "k-1", {{"b", "1"}, {"a", "2"}, {"b", "3"}}, "value"};
  ExpectSame(Carry(record), record);
  record.key = std::string("\xff\0 key %41", 10);
  record.value = std::string("\0\xff", 2);
  record.headers = {
      {"\xfe name", std::string("\0\xff", 2)}, {"", ""}, {"%41", "%41"}, {"a\nb", "n"}};
  ExpectSame(Carry(record), record);
  record.headers[1].second.clear();
  record.null_headers = {1};
  ExpectSame(Carry(record), record);
  Record nothing{"t", 0, 0, 0, "", {}, ""};
  ExpectSame(Carry(nothing), nothing);
  nothing.null_key = nothing.null_value = true;
  nothing.offset = -1;
  ExpectSame(Carry(nothing), nothing);
}

TEST(DeadLetterRecordTest, ItsKeyCanBeReadByPeople) {
  admin::v1::DeadLetter letter;
  PutRecord({"t", 3, 77, 5, "Zoë 100%\n\xff", {}, ""}, &letter);
  EXPECT_EQ(letter.key(), "Zoë 100%\n%FF");
}

TEST(DeadLetterRecordTest, OnlyDeadLetteredRowsAreDeadLetters) {
  journal::JournalRow row;
  row.aggregate = kDeadLetterAggregate;
  row.type = "io.watchbell.bus.dead_lettered.v1";
  EXPECT_TRUE(IsDeadLetter(row));
  row.type = "io.watchbell.bus.dead_letter_released.v1";
  EXPECT_FALSE(IsDeadLetter(row));
}

TEST(DeadLetterRecordTest, ItSaysWhereItCameFromAndWhy) {
  events::v1::DeadLettered event;
  admin::v1::DeadLetter& letter = *event.mutable_dead_letter();
  // From the producer's journal: it has no place on the topic.
  PutRecord({"t", 3, -1, 5, "k", {{"ce_id", "1"}}, "v"}, &letter);
  letter.set_service("readers");
  letter.set_reason("BAD_PAYLOAD");
  letter.set_message("the payload is no Widget");
  letter.set_path("/alerts/0/labels/100%\n");
  letter.set_attempts(1);
  journal::JournalRow row;
  row.shard = 9;
  row.sequence = 123;
  row.payload = event.SerializeAsString();
  const auto record = ToDeadLetterRecord(row, "0.1.0");
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->topic, "t.readers.dlq");
  EXPECT_EQ(record->shard, 9);
  EXPECT_EQ(record->sequence, 123);
  EXPECT_EQ(record->key, "k");
  EXPECT_EQ(record->value, "v");
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"ce_id", "1"},
      {"__dlq.errors.topic", "t"},
      {"__dlq.errors.partition", "3"},
      {"__dlq.errors.offset", "-1"},
      {"__dlq.errors.group", "readers"},
      {"__dlq.errors.delivery.count", "1"},
      {"__dlq.errors.message", "the payload is no Widget"},
      {"dlq_reason", "BAD_PAYLOAD"},
      {"dlq_path", "/alerts/0/labels/100%25%0A"},
      {"dlq_first_at", "1970-01-01T00:00:00.000000Z"},
      {"dlq_build", "0.1.0"}};
  EXPECT_EQ(record->headers, expected);
  row.payload = "\xff";
  EXPECT_EQ(ToDeadLetterRecord(row, "0.1.0").status().code(), absl::StatusCode::kDataLoss);
}

// Whoever writes a record has a say in both.
TEST(DeadLetterRecordTest, WhatIsSaidOfItIsShort) {
  EXPECT_EQ(DeadLetterMessage("a\xff"), "a%FF");
  EXPECT_EQ(DeadLetterMessage(std::string(2048, 'x')), std::string(2048, 'x'));
  EXPECT_EQ(DeadLetterMessage(std::string(2049, 'x')), std::string(2045, 'x') + "...");
  std::string text = "x";
  while (text.size() < 5000) text += "ë";
  EXPECT_EQ(DeadLetterMessage(text), text.substr(0, 2045) + "...") << "characters stay whole";
  text.insert(0, "x");
  EXPECT_EQ(DeadLetterMessage(text), text.substr(0, 2044) + "...");

  EXPECT_EQ(DeadLetterPath("/a\nb/0"), "/a\nb/0");
  EXPECT_EQ(DeadLetterPath("/a/" + std::string(1021, 'x')), "/a/" + std::string(1021, 'x'));
  EXPECT_EQ(DeadLetterPath("/a/" + std::string(1022, 'x')), "/a");
  EXPECT_EQ(DeadLetterPath("/a/" + std::string(1021, 'x') + "/b"), "/a/" + std::string(1021, 'x'));
  EXPECT_EQ(DeadLetterPath("/" + std::string(1'000'000, 'x')), "") << "the whole";
}

// Also of one that was journaled when anything went.
TEST(DeadLetterRecordTest, ItIsHardlyLargerThanWhatItIsAbout) {
  events::v1::DeadLettered event;
  admin::v1::DeadLetter& letter = *event.mutable_dead_letter();
  PutRecord({"t", 3, 77, 5, "k", {}, "v"}, &letter);
  letter.set_message(std::string(1'000'000, '%'));
  letter.set_path(std::string(1000, '/') + std::string(1'000'000, '%'));
  journal::JournalRow row;
  row.payload = event.SerializeAsString();
  const auto record = ToDeadLetterRecord(row, "0.1.0");
  ASSERT_TRUE(record.ok()) << record.status();
  size_t size = record->key.size() + record->value.size();
  for (const auto& [name, value] : record->headers) size += name.size() + value.size();
  EXPECT_LT(size, 8192u);
}

TEST(AsUtf8Test, OnlyWhatIsNoUtf8IsEscaped) {
  EXPECT_EQ(AsUtf8(""), "");
  EXPECT_EQ(AsUtf8("plain %41 Zoë 🙂\n"), "plain %41 Zoë 🙂\n");
  EXPECT_EQ(AsUtf8("a\xff"
                   "b\xc3"),
            "a%FFb%C3");
  EXPECT_EQ(AsUtf8("\xc0\x80\xed\xa0\x80"), "%C0%80%ED%A0%80");  // too long, half a pair
}

}  // namespace
}  // namespace watchbell::bus
