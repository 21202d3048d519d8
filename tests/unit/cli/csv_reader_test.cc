#include "services/watchbell/csv_reader.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdio>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace watchbell::cli {
namespace {

class CsvReaderTest : public testing::Test {
 protected:
  ~CsvReaderTest() override { std::remove(path_.c_str()); }

  std::string Write(const std::string& content) {
    std::ofstream(path_, std::ios::binary) << content;
    return path_;
  }
  static std::string Gzip(const std::string& text) {
    z_stream stream = {};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(compressBound(text.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
  }

  // All records as "line:text|text|...", or "line:!problem at line:column".
  absl::StatusOr<std::vector<std::string>> ReadAll(const std::string& content,
                                                   CsvLimits limits = {}) {
    auto reader = CsvReader::Open(Write(content), limits);
    if (!reader.ok()) return reader.status();
    std::vector<std::string> records;
    CsvRecord record;
    while (true) {
      const absl::StatusOr<bool> more = (*reader)->Next(&record);
      if (!more.ok()) return more.status();
      if (!*more) return records;
      std::string text = absl::StrCat(record.line, ":");
      if (record.problem.empty()) {
        for (const CsvField& field : record.fields) absl::StrAppend(&text, field.text, "|");
      } else {
        absl::StrAppend(&text, "!", record.problem, " at ", record.problem_line, ":",
                        record.problem_column);
      }
      records.push_back(text);
    }
  }

  const std::string path_ = absl::StrCat(testing::TempDir(), "/csv_reader_test.", getpid());
};

using Records = std::vector<std::string>;

TEST_F(CsvReaderTest, PlainRecords) {
  EXPECT_EQ(*ReadAll("a,b,c\n1,,3\n"), (Records{"1:a|b|c|", "2:1||3|"}));
}

TEST_F(CsvReaderTest, LastLineNeedsNoLineFeed) {
  EXPECT_EQ(*ReadAll("a\nb"), (Records{"1:a|", "2:b|"}));
}

TEST_F(CsvReaderTest, TrailingCommaIsAnEmptyField) {
  EXPECT_EQ(*ReadAll("a,\n,\n"), (Records{"1:a||", "2:||"}));
}

TEST_F(CsvReaderTest, CrLfEmptyLinesAndByteOrderMark) {
  EXPECT_EQ(*ReadAll("\xEF\xBB\xBF"
                     "a,b\r\n\r\n\nc,d\r\n"),
            (Records{"1:a|b|", "4:c|d|"}));
}

TEST_F(CsvReaderTest, EmptyFile) { EXPECT_EQ(*ReadAll(""), Records{}); }

TEST_F(CsvReaderTest, QuotedFields) {
  EXPECT_EQ(*ReadAll("\"a,b\",\"say \"\"hi\"\"\",\"\"\n\"two\nlines\",x\nlast,y\n"),
            (Records{"1:a,b|say \"hi\"||", "2:two\nlines|x|", "4:last|y|"}));
}

TEST_F(CsvReaderTest, FieldsKnowTheirPlace) {
  auto reader = CsvReader::Open(Write("ab,\"c\nd\",e,f\n"));
  ASSERT_TRUE(reader.ok());
  CsvRecord record;
  ASSERT_TRUE(*(*reader)->Next(&record));
  std::vector<std::pair<int64_t, int>> places;
  for (const CsvField& field : record.fields) places.emplace_back(field.line, field.column);
  EXPECT_EQ(places, (std::vector<std::pair<int64_t, int>>{{1, 1}, {1, 4}, {2, 4}, {2, 6}}));
}

TEST_F(CsvReaderTest, ProblemsNameLineAndColumnAndCostOneLine) {
  EXPECT_EQ(*ReadAll("a,b\"c\nnext,1\n"),
            (Records{"1:!a quote inside an unquoted field at 1:4", "2:next|1|"}));
  EXPECT_EQ(*ReadAll("\"a\"b,c\nnext,1\n"),
            (Records{"1:!text after the closing quote at 1:4", "2:next|1|"}));
  EXPECT_EQ(*ReadAll("a\rb\nnext\n"),
            (Records{"1:!a carriage return without a line feed at 1:2", "2:next|"}));
  EXPECT_EQ(*ReadAll("x,\"lost\nnext,1\nlast,2\n"),
            (Records{"1:!a quote that is never closed at 1:3", "2:next|1|", "3:last|2|"}));
}

TEST_F(CsvReaderTest, OverlongFieldsAndRecordsAreBounded) {
  const CsvLimits small = {.field_bytes = 4, .record_bytes = 12};
  EXPECT_EQ(*ReadAll("abcd,e\nabcde,f\nok,1\n", small),
            (Records{"1:abcd|e|", "2:!a field longer than 4 bytes at 2:1", "3:ok|1|"}));
  EXPECT_EQ(*ReadAll("aaa,bbb,ccc,ddd\nok,1\n", small),
            (Records{"1:!a record longer than 12 bytes at 1:13", "2:ok|1|"}));
  // A lost quote in a big file does not swallow it.
  std::string big = "x,\"lost\n";
  for (int i = 0; i < 50000; ++i) big += "abc,def\n";
  const auto records = ReadAll(big);
  ASSERT_TRUE(records.ok());
  EXPECT_EQ(records->size(), 50001u);
  EXPECT_EQ((*records)[0], "1:!a field longer than 65536 bytes at 1:3");
  EXPECT_EQ(records->back(), "50001:abc|def|");
}

TEST_F(CsvReaderTest, GzipIsReadAsIs) {
  std::string text;
  for (int i = 0; i < 30000; ++i) absl::StrAppend(&text, i, ",some text,\"quoted, text\"\r\n");
  const auto records = ReadAll(Gzip(text));
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 30000u);
  EXPECT_EQ(records->back(), "30000:29999|some text|quoted, text|");
}

TEST_F(CsvReaderTest, BrokenGzipIsAnErrorThatSaysWhere) {
  std::string text;
  for (int i = 0; i < 30000; ++i) absl::StrAppend(&text, i, ",some text,", i * 7919 % 1000, "\n");
  const std::string whole = Gzip(text);
  const auto cut = ReadAll(whole.substr(0, whole.size() / 2));
  EXPECT_EQ(cut.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(cut.status().message().find("the gzip stream is cut off"), absl::string_view::npos)
      << cut.status();
  EXPECT_NE(cut.status().message().find(", after line "), absl::string_view::npos) << cut.status();
  std::string damaged = whole;
  for (size_t i = damaged.size() / 2; i < damaged.size() / 2 + 64; ++i)
    damaged[i] = static_cast<char>(~damaged[i]);
  EXPECT_EQ(ReadAll(damaged).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(CsvReaderTest, FilesThatCannotBeOpened) {
  EXPECT_EQ(CsvReader::Open("/no/such/file").status().code(), absl::StatusCode::kNotFound);
  const auto folder = CsvReader::Open(testing::TempDir());
  EXPECT_EQ(folder.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace watchbell::cli
