#include "services/notifications/mail.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "services/notifications/text.h"

namespace watchbell::notifications {
namespace {

constexpr size_t kLineMax = 76;      // of a header or a quoted-printable line
constexpr size_t kSubjectMax = 400;  // code points; subjects are made shorter than this
constexpr size_t kIdMax = 500;
constexpr size_t kEncodedBytes =
    42;  // 56 characters of base64 and 12 of "=?UTF-8?B??=" stay below 75 (RFC 2047, 2)

bool IsPlain(absl::string_view text) {
  return !absl::StrContains(text, "=?") &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// Breaks at spaces; a single word longer than a line stays whole.
std::string FoldPlain(size_t used, absl::string_view text) {
  std::string folded;
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    if (!folded.empty()) {
      const bool fits = used + 1 + word.size() <= kLineMax;
      folded += fits ? " " : "\r\n ";
      used = fits ? used + 1 : 1;
    }
    folded.append(word.data(), word.size());
    used += word.size();
  }
  return folded;
}

std::string EncodeWords(absl::string_view text) {
  std::string encoded;
  while (!text.empty()) {
    size_t length = std::min(text.size(), kEncodedBytes);
    // A code point is never split between two words.
    while (length < text.size() && length > 1 &&
           (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
      --length;
    absl::StrAppend(&encoded, encoded.empty() ? "" : "\r\n ", "=?UTF-8?B?",
                    absl::Base64Escape(text.substr(0, length)), "?=");
    text.remove_prefix(length);
  }
  return encoded;
}

void AddQuotedPrintable(std::string& out, absl::string_view line) {
  size_t used = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const auto c = static_cast<unsigned char>(line[i]);
    const bool last = i + 1 == line.size();
    const bool literal = (c > 0x20 && c < 0x7f && c != '=') || (c == ' ' && !last);
    const std::string piece = literal ? std::string(1, line[i]) : absl::StrFormat("=%02X", c);
    if (used + piece.size() >= kLineMax) {
      out += "=\r\n";
      used = 0;
    }
    out += piece;
    used += piece.size();
  }
  out += "\r\n";
}

}  // namespace

std::string HeaderText(absl::string_view name, absl::string_view text) {
  const std::string line = OneLine(text, kSubjectMax);
  return IsPlain(line) ? FoldPlain(name.size() + 2, line) : EncodeWords(line);
}

std::string WriteMail(const v1::Delivery& delivery, absl::string_view from, absl::Time date) {
  std::string mail;
  const auto header = [&mail](absl::string_view name, absl::string_view value) {
    absl::StrAppend(&mail, name, ": ", value, "\r\n");
  };
  header("From", absl::StrCat("Watchbell <", PrintableAscii(from, kIdMax), ">"));
  header("To", absl::StrCat("<", PrintableAscii(delivery.address(), kIdMax), ">"));
  header("Subject", HeaderText("Subject", delivery.subject()));
  header("Date", absl::FormatTime("%a, %d %b %Y %H:%M:%S +0000", date, absl::UTCTimeZone()));
  header("Message-ID", absl::StrCat("<", SafeId(delivery.delivery_id()), "@watchbell>"));
  header("X-Watchbell-Delivery", PrintableAscii(delivery.delivery_id(), kIdMax));
  header("X-Watchbell-Ticket", PrintableAscii(delivery.ticket_id(), kIdMax));
  if (delivery.possible_repeat()) header("X-Watchbell-Possible-Repeat", "true");
  if (!delivery.traceparent().empty())
    header("traceparent", PrintableAscii(delivery.traceparent(), kIdMax));
  header("Auto-Submitted", "auto-generated");
  header("MIME-Version", "1.0");
  header("Content-Type", "text/plain; charset=utf-8");
  header("Content-Transfer-Encoding", "quoted-printable");
  mail += "\r\n";
  absl::string_view body = delivery.body();
  if (!body.empty() && body.back() == '\n') body.remove_suffix(1);
  for (const absl::string_view line : absl::StrSplit(body, '\n')) AddQuotedPrintable(mail, line);
  return mail;
}

}  // namespace watchbell::notifications
