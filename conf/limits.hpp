// Every bound in the house, with its unit and its reason. What comes beyond one has a named answer.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace postern::limits {

// --- a request head, in bytes and fields (http-grammar row 11) ---
inline constexpr std::size_t head_bytes_max = 16 * 1024;  ///< whole head, empty lines before it included: 431
inline constexpr std::size_t target_bytes_max = 8 * 1024;  ///< request target: 414
inline constexpr std::size_t fields_max = 100;             ///< header fields: 431
inline constexpr std::size_t method_bytes_max = 32;        ///< longest method token we read: 400

// --- clients, by address ---
inline constexpr std::size_t client_counters =
    32 * 1024;                                        ///< of connections, two rows: 256 KiB for all shards
inline constexpr std::size_t failure_buckets = 1024;  ///< of four addresses each: 64 KiB a shard

// --- chunked bodies ---
inline constexpr std::size_t chunk_extension_line_bytes_max = 1024;  ///< extensions of one chunk: 400
inline constexpr std::size_t chunk_extension_bytes_max =
    16 * 1024;                                              ///< of one message, plus 1/16 of its data
inline constexpr std::size_t trailer_bytes_max = 8 * 1024;  ///< a trailer section: 400 (502 from an upstream)
inline constexpr int informational_max = 8;                 ///< 1xx answers before a final one: 502

// --- PROXY protocol ---
inline constexpr std::size_t proxy_header_bytes_max =
    2048;  ///< a version 2 header with its extensions: the connection is closed

// --- TLS ---
inline constexpr std::chrono::seconds complaint_interval{
    10};  ///< between two lines of a shard about an upstream that cannot be verified
inline constexpr std::size_t pem_bytes_max = 1024 * 1024;  ///< a file of certificates or a key: a start error
inline constexpr std::size_t certificate_subject_bytes_max =
    512;                                         ///< a client's distinguished name: no handshake
inline constexpr int certificate_depth_max = 8;  ///< certificates between a client's and its CA's

// --- paths ---
inline constexpr std::size_t path_segments_max = 64;  ///< segments of a path, in requests and in rules: 400
inline constexpr std::size_t path_params_max = 16;    ///< `{param}`s of one template: a load error
inline constexpr std::size_t host_bytes_max = 253;    ///< RFC 1035 §2.3.4

// --- policy and configuration files ---
inline constexpr std::size_t yaml_bytes_max = 16 * 1024 * 1024;  ///< a file read whole into memory
inline constexpr std::size_t yaml_nodes_max = std::size_t{1}
                                              << 20;  ///< scalars and collections: bounds the tree at 150 MB
inline constexpr std::size_t yaml_value_bytes_max =
    1024 * 1024;                           ///< one scalar or bracketed collection: bounds look-ahead
inline constexpr int yaml_depth_max = 32;  ///< nested collections
inline constexpr std::size_t policy_files_max = 256;        ///< of one policy, with all that it includes
inline constexpr std::size_t listeners_max = 16;            ///< addresses of one `listen`
inline constexpr std::size_t upstreams_max = 32;            ///< entries of `upstreams`: each has its metrics
inline constexpr std::size_t upstream_name_bytes_max = 64;  ///< a label of metrics
inline constexpr std::size_t upstream_addresses_max =
    32;  ///< of one upstream, after its names were looked up; further ones are not used
inline constexpr std::size_t upstream_headers_max = 16;         ///< own headers of one upstream
inline constexpr std::size_t upstream_header_bytes_max = 4096;  ///< all of them, as lines
inline constexpr std::size_t key_pairs_max = 256;    ///< certificates: all are read again at each reload
inline constexpr std::size_t realm_bytes_max = 128;  ///< in WWW-Authenticate
inline constexpr std::size_t token_prefix_bytes_max = 16;   ///< the '_' at its end included
inline constexpr std::size_t header_prefix_bytes_max = 64;  ///< the '-' at its end included
inline constexpr std::size_t trusted_proxies_max = 256;     ///< networks: compared one by one on each request
inline constexpr std::size_t credential_sources_max =
    8;  ///< of one list: each is looked for on each request it may govern
inline constexpr std::size_t credential_name_bytes_max =
    64;  ///< of a source's field, cookie, parameter, subprotocol
inline constexpr std::size_t rule_durations_max =
    16;  ///< different `timeouts` of a policy's rules: each has a list of its own in a shard
inline constexpr std::size_t requirement_depth_max = 16;  ///< nested any_of/all_of/not
inline constexpr std::size_t requirement_terms_max = 64;  ///< terms of one rule
inline constexpr std::size_t conditions_max = 16;         ///< of one rule: each is looked at on each request
inline constexpr std::size_t condition_values_max = 64;   ///< of one condition: compared one by one
inline constexpr std::size_t decision_header_names_bytes_max =
    8 * 1024;  ///< names of headers that any rule sets, all in the answer of a decision
inline constexpr std::size_t rule_header_bytes_max = 1024;  ///< a rule's own header lines to the upstream
inline constexpr std::size_t methods_max = 63;             ///< different methods a policy names: one bit each
inline constexpr std::size_t match_visits_max = 1024;      ///< places one match may look at: a load error
inline constexpr std::size_t diagnostics_max = 100;        ///< printed at once
inline constexpr std::size_t diagnostics_kept_max = 1000;  ///< remembered; more are only counted

// --- names and values that are stored ---
inline constexpr std::size_t entity_id_bytes_max = 128;  ///< `shop.orders.read`
inline constexpr std::size_t user_id_bytes_max = 128;    ///< [A-Za-z0-9][A-Za-z0-9._@-]{0,127}
inline constexpr std::size_t name_bytes_max = 256;       ///< UTF-8, no control characters
inline constexpr std::size_t description_bytes_max = 1024;
inline constexpr std::size_t resource_bytes_max = 256;  ///< `project/42`
inline constexpr std::size_t handles_per_subject_max =
    256;  ///< roles, groups, licenses or permissions held directly
inline constexpr std::size_t grants_per_subject_max = 128;
inline constexpr std::size_t cidrs_per_token_max = 32;
inline constexpr std::size_t permissions_per_role_max = 4096;
inline constexpr std::size_t rotated_secrets_per_token_max =
    64;                                                ///< remembered; the oldest is forgotten first
inline constexpr std::size_t sweep_records_max = 256;  ///< freed of a deleted reference by one mutation
inline constexpr std::size_t atomic_changes_max =
    10'000;  ///< tokens changed by one command all or none; of more, each batch
inline constexpr std::size_t changes_per_transaction = 1000;  ///< one fsync; others wait some milliseconds
inline constexpr std::size_t roles_max = 65536;        ///< handles of each kind ever given out: 2^16 roles,
inline constexpr std::size_t entities_max = 1u << 20;  ///< 2^20 of the others
inline constexpr std::size_t imported_secret_bytes_min = 16;
inline constexpr std::size_t credential_bytes_max =
    512;  ///< a token68 longer than this is no credential: 401

// --- several addresses of an upstream ---
inline constexpr std::uint32_t ejection_failures = 3;         ///< in a row: one or two may be chance
inline constexpr std::chrono::seconds ejection_window{10};    ///< in which they count as in a row
inline constexpr std::chrono::seconds ejection_time_min{1};   ///< left alone for this, doubled each time
inline constexpr std::chrono::seconds ejection_time_max{60};  ///< so that one that is back is found
inline constexpr int connect_timeouts_max = 2;  ///< addresses that a request waits for in vain: then 504

// --- what we write to the upstream ---
inline constexpr std::size_t subject_block_bytes_max = 4096;  ///< all subject headers of a request together
inline constexpr std::size_t request_id_bytes_max = 128;  ///< a foreign X-Request-Id beyond this is replaced

// --- fairness among the connections of a shard ---
inline constexpr std::size_t turn_bytes = 512 * 1024;  ///< moved without a wait; then others come first
inline constexpr std::size_t turn_step_bytes = 4096;   ///< what a step counts for besides its bytes

// --- what is remembered of uses of tokens ---
inline constexpr std::size_t usage_entries_max =
    16 * 1024;  ///< tokens seen between two hand-overs, two tables a shard of up to 1 MiB: then not counted
inline constexpr std::size_t usage_sweep_max = 1024;  ///< records looked at for deleted tokens at a time

// --- the access log ---
inline constexpr std::size_t log_line_bytes_max =
    12 * 1024;  ///< a longer line (an 8 KiB path full of escapes) is dropped and counted

// --- spans ---
inline constexpr std::size_t span_bytes_max = 12 * 1024;  ///< a longer one is dropped and counted

}  // namespace postern::limits
