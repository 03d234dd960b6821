// What is stored, as the JSON records in which commands answer. Points in time are RFC 3339 texts; what is
// absent is null.

#pragma once

#include <boost/json/fwd.hpp>

#include "store/reader.hpp"
#include "store/store.hpp"

namespace postern::cli {

[[nodiscard]] boost::json::object record_of(const store::Entity& entity);
[[nodiscard]] boost::json::object record_of(const store::User& user);
[[nodiscard]] boost::json::object record_of(const store::Token& token, store::TokenState state);
[[nodiscard]] boost::json::object record_of(const store::AuditRecord& audit);

}  // namespace postern::cli
