// What a catalog file declares: permissions, roles, groups, licenses, users, and tokens by the SHA-256 of
// their secrets. Reading and writing only; Store::apply() makes it so.
//
//     version: 1
//     permissions:
//       - shop.orders.read                      # short for {id: shop.orders.read}
//       - {id: shop.orders.write, name: Write orders, description: Create and change orders}
//     roles:
//       - {id: shop.reader, name: Reader, permissions: [shop.orders.read]}
//     groups:
//       - {id: staff, name: Staff}
//     licenses:
//       - {id: shop.pro, kind: subject, max_subjects: 25, url: "https://shop.example/pro", enabled: true}
//     users:
//       - {id: alice, name: Alice, email: alice@shop.example, status: enabled, roles: [shop.reader],
//          grants: ["shop.orders.write=order/42"]}
//       - {id: bob, status: 2026-12-31}         # enabled until then
//     tokens:
//       - {name: ci, sha256: "9f86d0…", roles: [shop.reader], expires: 2026-12-31, networks: [10.0.0.0/8]}

#pragma once

#include "conf/diagnostic.hpp"
#include "conf/yaml.hpp"
#include "store/store.hpp"

namespace postern::store {

/// Reads a parsed catalog. Every mistake becomes a diagnostic with its place and, where there is one, a
/// suggestion; what could be read is returned all the same and must not be applied then. References to ids
/// that the file does not declare are left to the store, which may know them.
[[nodiscard]] Store::Declaration parse_catalog(const yaml::Document& document, Diagnostics& diagnostics);

/// The text of a file that declares this; what says nothing is left out. parse_catalog() reads the same back.
[[nodiscard]] std::string write_catalog(const Store::Declaration& declaration);

}  // namespace postern::store
