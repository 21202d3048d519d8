#include "common/db/sqlite/sqlite_dialect.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace watchbell::db {
namespace {

bool IsWordChar(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// End of the quoted text or comment that begins at `i`; `i` itself if none does.
size_t SkipOpaque(absl::string_view sql, size_t i) {
  if (sql[i] == '\'' || sql[i] == '"') {
    const size_t end = sql.find(sql[i], i + 1);
    return end == absl::string_view::npos ? sql.size() : end + 1;
  }
  if (absl::StartsWith(sql.substr(i), "--")) {
    const size_t end = sql.find('\n', i);
    return end == absl::string_view::npos ? sql.size() : end + 1;
  }
  if (absl::StartsWith(sql.substr(i), "/*")) {
    const size_t end = sql.find("*/", i + 2);
    return end == absl::string_view::npos ? sql.size() : end + 2;
  }
  return i;
}

// A statement as pieces: words, single other characters, quoted texts; comments are dropped, blanks
// kept as one.
using Pieces = std::vector<std::string>;

std::vector<Pieces> Split(absl::string_view script) {
  std::vector<Pieces> statements(1);
  size_t i = 0;
  while (i < script.size()) {
    const size_t start = i;
    if (const size_t end = SkipOpaque(script, i); end != i) {
      i = end;
      const bool quoted = script[start] == '\'' || script[start] == '"';
      statements.back().emplace_back(quoted ? script.substr(start, end - start) : "\n");
      continue;
    }
    if (script[i] == ';') {
      statements.emplace_back();
      ++i;
      continue;
    }
    while (i < script.size() && IsWordChar(script[i])) ++i;
    if (i == start) ++i;
    statements.back().emplace_back(script.substr(start, i - start));
  }
  return statements;
}

bool IsBlank(const std::string& piece) { return absl::StripAsciiWhitespace(piece).empty(); }

// The words and signs, upper case, without blanks.
Pieces Tokens(const Pieces& pieces) {
  Pieces tokens;
  for (const std::string& piece : pieces) {
    if (!IsBlank(piece)) tokens.push_back(absl::AsciiStrToUpper(piece));
  }
  return tokens;
}

void TranslateTypes(Pieces& pieces) {
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (absl::EqualsIgnoreCase(pieces[i], "BIGINT")) {
      pieces[i] = "INTEGER";
    } else if (absl::EqualsIgnoreCase(pieces[i], "BYTEA")) {
      pieces[i] = "BLOB";
    } else if (absl::EqualsIgnoreCase(pieces[i], "PRECISION")) {
      size_t before = i;
      while (before > 0 && IsBlank(pieces[before - 1])) --before;
      if (before > 0 && absl::EqualsIgnoreCase(pieces[before - 1], "DOUBLE")) {
        pieces[before - 1] = "REAL";
        pieces[i].clear();
      }
    }
  }
}

// True for a table-level PRIMARY KEY (a, b, ...).
bool HasWideKey(const Pieces& tokens) {
  for (size_t i = 0; i + 3 < tokens.size(); ++i) {
    if (tokens[i] != "PRIMARY" || tokens[i + 1] != "KEY" || tokens[i + 2] != "(") continue;
    for (size_t j = i + 3; j < tokens.size() && tokens[j] != ")"; ++j) {
      if (tokens[j] == ",") return true;
    }
  }
  return false;
}

bool Contains(const Pieces& tokens, absl::string_view token) {
  for (const std::string& each : tokens) {
    if (each == token) return true;
  }
  return false;
}

}  // namespace

std::string TranslateParameters(absl::string_view sql) {
  std::string result;
  result.reserve(sql.size());
  for (size_t i = 0; i < sql.size();) {
    if (const size_t end = SkipOpaque(sql, i); end != i) {
      absl::StrAppend(&result, sql.substr(i, end - i));
      i = end;
      continue;
    }
    const bool parameter = sql[i] == '$' && i + 1 < sql.size() &&
                           absl::ascii_isdigit(static_cast<unsigned char>(sql[i + 1]));
    result.push_back(parameter ? '?' : sql[i]);
    ++i;
  }
  return result;
}

std::string TranslateScript(absl::string_view script) {
  std::string result;
  for (Pieces& pieces : Split(script)) {
    const Pieces tokens = Tokens(pieces);
    if (tokens.empty()) continue;
    TranslateTypes(pieces);
    absl::StrAppend(&result, absl::StrJoin(pieces, ""));
    if (tokens.size() > 1 && tokens[0] == "CREATE" && tokens[1] == "TABLE") {
      absl::StrAppend(&result, " STRICT");
      if (HasWideKey(tokens) && !Contains(tokens, "BYTEA")) {
        absl::StrAppend(&result, ", WITHOUT ROWID");
      }
    }
    absl::StrAppend(&result, ";");
  }
  return result;
}

}  // namespace watchbell::db
