#include "tests/contract/journal_contract.h"
#include "tests/contract/sqlite_backends.h"

namespace watchbell::journal {
namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(SqliteFile, JournalContract, db::SqliteFile);
INSTANTIATE_TYPED_TEST_SUITE_P(SqliteMemory, JournalContract, db::SqliteMemory);

}  // namespace
}  // namespace watchbell::journal
