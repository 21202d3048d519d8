#include "tests/contract/journal_contract.h"
#include "tests/contract/postgres_backend.h"

namespace watchbell::journal {
namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(Postgres, JournalContract, db::Postgres);

}  // namespace
}  // namespace watchbell::journal
