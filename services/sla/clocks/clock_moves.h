// A ticket's clocks before and after something. Pure.
#pragma once

#include "google/protobuf/repeated_field.h"
#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/sla/v1/preview.pb.h"

namespace watchbell::sla {

// What becomes of clocks that stay as they are.
enum class Unchanged { kShown, kLeftOut };

// Both are the same ticket at the same instant. A clock has changed if anything of it but the
// version that judges it has.
void AddMoves(const state::v1::TicketClocks& before, const state::v1::TicketClocks& after,
              Unchanged unchanged, google::protobuf::RepeatedPtrField<v1::ClockMove>& out);

}  // namespace watchbell::sla
