#include "common/db/postgres/postgres_sql.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace watchbell::db {
namespace {

constexpr char kNumbersLock[] = "hashtextextended('journal_sequence of ' || current_schema(), 0)";

// "PREFIX1, PREFIX2, ...", up to `count`.
std::string Numbered(absl::string_view prefix, int count) {
  std::string sql;
  for (int i = 1; i <= count; ++i) absl::StrAppend(&sql, i == 1 ? "" : ", ", prefix, i);
  return sql;
}

std::string ColumnNames(const Table& table, absl::string_view prefix, int count) {
  return absl::StrJoin(
      table.columns.begin(), table.columns.begin() + count, ", ",
      [&](std::string* out, const Column& column) { absl::StrAppend(out, prefix, column.name); });
}

std::string KeysAreEqual(const Table& table) {
  std::string sql;
  for (int i = 0; i < table.key_columns; ++i) {
    absl::StrAppend(&sql, i == 0 ? "" : " AND ", "t.", table.columns[i].name, " = k.c", i + 1);
  }
  return sql;
}

bool IsWordChar(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// End of the quoted text or comment that begins at `i`; `i` itself if none does.
size_t SkipOpaque(absl::string_view sql, size_t i) {
  const absl::string_view rest = sql.substr(i);
  size_t end = i;
  size_t width = 1;
  if (rest[0] == '\'' || rest[0] == '"') {
    end = sql.find(rest[0], i + 1);
  } else if (absl::StartsWith(rest, "--")) {
    end = sql.find('\n', i);
  } else if (absl::StartsWith(rest, "/*")) {
    end = sql.find("*/", i + 2);
    width = 2;
  } else {
    return i;
  }
  return end == absl::string_view::npos ? sql.size() : end + width;
}

std::string UncoverPostgresLines(absl::string_view script) {
  std::vector<absl::string_view> lines = absl::StrSplit(script, '\n');
  for (absl::string_view& line : lines) absl::ConsumePrefix(&line, "--postgresql:");
  return absl::StrJoin(lines, "\n");
}

}  // namespace

bool HasSequence(const Table& table) {
  for (const Column& column : table.columns) {
    if (column.type == ColumnType::kSequence) return true;
  }
  return false;
}

std::string LoadSql(const Table& table, Lock lock) {
  return absl::StrCat("SELECT ", ColumnNames(table, "t.", static_cast<int>(table.columns.size())),
                      " FROM unnest(", Numbered("$", table.key_columns), ") WITH ORDINALITY AS k(",
                      Numbered("c", table.key_columns), ", place) JOIN ", table.name, " AS t ON ",
                      KeysAreEqual(table), " ORDER BY k.place FOR ",
                      lock == Lock::kShare ? "SHARE" : "UPDATE", " OF t");
}

std::string InsertSql(const Table& table) {
  const int count = static_cast<int>(table.columns.size());
  std::string values;
  for (int i = 0; i < count; ++i) {
    absl::StrAppend(&values, i == 0 ? "" : ", ");
    if (table.columns[i].type == ColumnType::kSequence) {
      absl::StrAppend(&values, "(SELECT currval('journal_sequence')) - $", count + 1, " + ");
    }
    absl::StrAppend(&values, "k.c", i + 1);
  }
  return absl::StrCat("INSERT INTO ", table.name, " (", ColumnNames(table, "", count), ") SELECT ",
                      values, " FROM unnest(", Numbered("$", count), ") AS k(",
                      Numbered("c", count), ")");
}

std::string UpsertSql(const Table& table) {
  std::string changes;
  for (size_t i = table.key_columns; i < table.columns.size(); ++i) {
    const std::string& name = table.columns[i].name;
    absl::StrAppend(&changes, changes.empty() ? "UPDATE SET " : ", ", name, " = excluded.", name);
  }
  return absl::StrCat(InsertSql(table), " ON CONFLICT (", ColumnNames(table, "", table.key_columns),
                      ") DO ", changes.empty() ? "NOTHING" : changes);
}

std::string DeleteSql(const Table& table) {
  return absl::StrCat("DELETE FROM ", table.name, " AS t USING unnest(",
                      Numbered("$", table.key_columns), ") AS k(", Numbered("c", table.key_columns),
                      ") WHERE ", KeysAreEqual(table));
}

std::string TakeNumbersSql() {
  // The lock comes from the FROM list, so it is held before a number is taken.
  return absl::StrCat(
      "SELECT setval('journal_sequence', nextval('journal_sequence') + $1 - 1) FROM "
      "pg_advisory_xact_lock(",
      kNumbersLock, ")");
}

std::string AwaitNumbersSql() {
  return absl::StrCat("SELECT FROM pg_advisory_xact_lock_shared(", kNumbersLock, ")");
}

std::string TranslatePostgresScript(absl::string_view script) {
  const std::string sql = UncoverPostgresLines(script);
  std::string result;
  std::vector<std::string> words;  // of this statement, upper case
  bool after_word = false;         // the token before this one is a word
  for (size_t i = 0; i < sql.size();) {
    size_t end = SkipOpaque(sql, i);
    if (end != i) {
      absl::StrAppend(&result, absl::string_view(sql).substr(i, end - i));
      if (sql[i] == '"') after_word = true;
      i = end;
      continue;
    }
    while (end < sql.size() && IsWordChar(sql[end])) ++end;
    if (end == i) {
      if (sql[i] == ';') words.clear();
      if (!absl::ascii_isspace(static_cast<unsigned char>(sql[i]))) after_word = false;
      result.push_back(sql[i++]);
      continue;
    }
    const std::string word = sql.substr(i, end - i);
    absl::StrAppend(&result, word);
    words.push_back(absl::AsciiStrToUpper(word));
    const bool makes_columns =
        words.size() > 2 && (words[0] == "CREATE" || words[0] == "ALTER") && words[1] == "TABLE";
    // After a column's name it is a type; CAST(x AS TEXT) is none of a column.
    if (makes_columns && words.back() == "TEXT" && after_word && words[words.size() - 2] != "AS") {
      absl::StrAppend(&result, " COLLATE \"C\"");
    }
    after_word = true;
    i = end;
  }
  return result;
}

std::string QuoteIdentifier(absl::string_view name) {
  return absl::StrCat("\"", absl::StrReplaceAll(name, {{"\"", "\"\""}}), "\"");
}

}  // namespace watchbell::db
