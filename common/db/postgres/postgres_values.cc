#include "common/db/postgres/postgres_values.h"

#include "absl/base/casts.h"
#include "absl/strings/str_cat.h"

namespace watchbell::db {
namespace {

// Object ids of pg_type that never change.
constexpr uint32_t kBool = 16;
constexpr uint32_t kBytea = 17;
constexpr uint32_t kName = 19;
constexpr uint32_t kInt8 = 20;
constexpr uint32_t kInt2 = 21;
constexpr uint32_t kInt4 = 23;
constexpr uint32_t kText = 25;
constexpr uint32_t kFloat8 = 701;
constexpr uint32_t kUnknown = 705;
constexpr uint32_t kByteaArray = 1001;
constexpr uint32_t kTextArray = 1009;
constexpr uint32_t kInt8Array = 1016;
constexpr uint32_t kFloat8Array = 1022;
constexpr uint32_t kVarchar = 1043;
constexpr uint32_t kVoid = 2278;

void Put32(std::string* out, uint32_t value) {
  const char bytes[] = {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
                        static_cast<char>(value >> 8), static_cast<char>(value)};
  out->append(bytes, sizeof(bytes));
}

void Put64(std::string* out, uint64_t value) {
  Put32(out, static_cast<uint32_t>(value >> 32));
  Put32(out, static_cast<uint32_t>(value));
}

uint64_t GetBigEndian(absl::string_view data) {
  uint64_t value = 0;
  for (const char c : data) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

// The bytes of a value that is not NULL.
void PutValue(std::string* out, const Value& value) {
  switch (value.index()) {
    case 1:
      return Put64(out, static_cast<uint64_t>(std::get<int64_t>(value)));
    case 2:
      return Put64(out, absl::bit_cast<uint64_t>(std::get<double>(value)));
    case 3:
      out->append(std::get<std::string>(value));
      return;
    default:
      out->append(std::get<Bytes>(value).data);
  }
}

uint32_t SizeOf(const Value& value) {
  switch (value.index()) {
    case 1:
    case 2:
      return 8;
    case 3:
      return static_cast<uint32_t>(std::get<std::string>(value).size());
    case 4:
      return static_cast<uint32_t>(std::get<Bytes>(value).data.size());
    default:
      return 0;
  }
}

struct TypeOfColumn {
  size_t value_index;  // in Value
  uint32_t element;
  uint32_t array;
};

TypeOfColumn TypeOf(ColumnType type) {
  switch (type) {
    case ColumnType::kReal:
      return {2, kFloat8, kFloat8Array};
    case ColumnType::kText:
      return {3, kText, kTextArray};
    case ColumnType::kBytes:
      return {4, kBytea, kByteaArray};
    case ColumnType::kInt:
    case ColumnType::kSequence:
      break;
  }
  return {1, kInt8, kInt8Array};
}

}  // namespace

void PostgresParameters::Add(const Value& value) {
  static constexpr uint32_t kTypes[] = {0, kInt8, kFloat8, kText, kBytea};
  types_.push_back(kTypes[value.index()]);
  nulls_.push_back(IsNull(value));
  data_.emplace_back();
  if (!IsNull(value)) PutValue(&data_.back(), value);
}

absl::Status PostgresParameters::AddArray(const Table& table, int column,
                                          absl::Span<const Row* const> rows, bool numbered) {
  const Column& of = table.columns[column];
  const TypeOfColumn type = TypeOf(of.type);
  size_t size = 20;
  bool has_null = false;
  for (const Row* row : rows) {
    const Value& value = (*row)[column];
    size += 4 + SizeOf(value);
    if (IsNull(value)) {
      has_null = true;
      continue;
    }
    if (value.index() != type.value_index) {
      return absl::InternalError(
          absl::StrCat("a value of the wrong type for column ", of.name, " of ", table.name));
    }
    if (numbered && of.type == ColumnType::kSequence && AsInt(value) < 1) {
      return absl::InternalError(
          absl::StrCat("column ", of.name, " of ", table.name,
                       " holds no number of this transaction: ", AsInt(value)));
    }
  }
  std::string data;
  data.reserve(size);
  Put32(&data, 1);  // dimensions
  Put32(&data, has_null ? 1 : 0);
  Put32(&data, type.element);
  Put32(&data, static_cast<uint32_t>(rows.size()));
  Put32(&data, 1);  // lowest index
  for (const Row* row : rows) {
    const Value& value = (*row)[column];
    if (IsNull(value)) {
      Put32(&data, 0xffffffff);
    } else {
      Put32(&data, SizeOf(value));
      PutValue(&data, value);
    }
  }
  types_.push_back(type.array);
  nulls_.push_back(false);
  data_.push_back(std::move(data));
  return absl::OkStatus();
}

absl::StatusOr<Value> DecodePostgres(uint32_t type, absl::string_view data,
                                     absl::string_view column) {
  switch (type) {
    case kInt8:
      return Value(static_cast<int64_t>(GetBigEndian(data)));
    case kInt4:
      return Value(int64_t{static_cast<int32_t>(GetBigEndian(data))});
    case kInt2:
      return Value(int64_t{static_cast<int16_t>(GetBigEndian(data))});
    case kBool:
      return Value(static_cast<int64_t>(GetBigEndian(data)));
    case kFloat8:
      return Value(absl::bit_cast<double>(GetBigEndian(data)));
    case kText:
    case kVarchar:
    case kName:
    case kUnknown:
      return Value(std::string(data));
    case kBytea:
      return Value(Bytes{std::string(data)});
    case kVoid:
      return Value();
    default:
      return absl::InternalError(
          absl::StrCat("column ", column, " is of a type (object id ", type,
                       ") that is not read: CAST it to BIGINT, DOUBLE PRECISION or TEXT"));
  }
}

size_t SizeOf(const Row& row) {
  size_t size = 0;
  for (const Value& value : row) size += 4 + SizeOf(value);
  return size;
}

}  // namespace watchbell::db
