// Journal rows as messages of watchbell.journal.v1, and back.
#pragma once

#include "common/journal/journal.h"
#include "watchbell/journal/v1/journal_service.pb.h"

namespace watchbell::runtime {

journal::v1::JournalRow ToMessage(journal::JournalRow row);
journal::JournalRow FromMessage(journal::v1::JournalRow message);

}  // namespace watchbell::runtime
