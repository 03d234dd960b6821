// What the steps of a request work on: a store with some tokens, a policy, and a request as far as each step
// needs it. Whatever cannot be set up ends the program.

#pragma once

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/credential_source.hpp"
#include "conf/yaml.hpp"
#include "policy/decide.hpp"
#include "policy/held_subject.hpp"
#include "proxy/credential.hpp"
#include "proxy/exchange.hpp"
#include "proxy/head_writer.hpp"
#include "proxy/log_line.hpp"
#include "proxy/subject_block.hpp"
#include "store/reader.hpp"
#include "store/secret.hpp"
#include "store/store.hpp"
#include "tests/bench/browser_head.hpp"

namespace postern::bench {

inline void require(bool well, const char* what) {
  if (well) return;
  std::fprintf(stderr, "micro_steps: %s failed\n", what);
  std::exit(1);
}

/// The value, or the end of the program.
template <class T>
T must(Result<T> result, const char* what) {
  require(static_cast<bool>(result), what);
  return std::move(*result);
}

/// A directory that is gone at the end.
class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "postern-micro-XXXXXX";
    require(::mkdtemp(name.data()) != nullptr, "mkdtemp");
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

/// One request half-way: each step can be taken again and again.
class World {
 public:
  World() : store_(make_store()), reader_(must(store::Reader::open(store_), "opening the reader")) {
    load_policy();
    require(read_head(), "reading the head");
    require(canonicalise(), "the canonical path");
    match_ = match();
    require(match_.rule != nullptr, "matching");
    require(presented().form == PresentedCredential::Form::bearer, "reading the credential");
    require(hash(), "hashing");
    require(!look_up(), "looking up nobody's token");
    require(resolve(), "resolving the token");
    require(decide(), "deciding");
    require(write_subject(), "the subject block");
    require(write_head(), "the head for the upstream");
    fill_facts();
    require(write_log(), "the log line");
  }

  [[nodiscard]] bool read_head() {
    exchange_->request_reader.reset();
    return exchange_->request_reader.feed({exchange_->in, browser_head.size()}, exchange_->request) ==
           HeadStatus::complete;
  }
  [[nodiscard]] bool canonicalise() {
    const std::string_view raw = exchange_->request.path.of(exchange_->in);
    return policy::canonical_path(raw, exchange_->path_text, exchange_->path) == policy::TargetError::none;
  }
  [[nodiscard]] policy::Match match() const {
    return policy_->match("shop.example.com", exchange_->path, "GET");
  }
  /// Of the head, and whether it has the form of our own tokens.
  [[nodiscard]] PresentedCredential presented() {
    PresentedCredential found =
        presented_credential(exchange_->request, exchange_->in, {sources_, {}}, false,
                             exchange_->decoded_credential, exchange_->credential_cut);
    if (store::secret_form(found.secret, "pst_") != store::SecretForm::ours) found = {};
    return found;
  }
  [[nodiscard]] bool hash() {
    hash_ = store::hash_secret(secret_);
    return hash_ != stranger_;
  }
  /// Of a token that nobody knows: the get alone.
  [[nodiscard]] bool look_up() {
    auto snapshot = reader_.snapshot();
    return snapshot.find(stranger_, now, client) != store::TokenState::unknown;
  }
  /// The get of a good token, its record, its rights by the catalog.
  [[nodiscard]] bool resolve() {
    auto snapshot = reader_.snapshot();
    return snapshot.find(hash_, now, client) == store::TokenState::valid;
  }
  [[nodiscard]] bool decide() {
    return policy::decide(match_, binding_, policy::Credential::valid, subject()).verdict ==
           policy::Verdict::allow;
  }
  [[nodiscard]] bool write_subject() {
    exchange_->subject_block_size =
        write_subject_block(subject(), "X-Subject-", false, exchange_->subject_block);
    return exchange_->subject_block_size > 0;
  }
  [[nodiscard]] bool write_head() {
    RequestRewrite rewrite;
    rewrite.path = exchange_->path.text;
    rewrite.host = "shop.example.com";
    rewrite.client_address = "127.0.0.1";
    rewrite.request_id = "7d1c0f9e5b2a4c3d8e6f";
    rewrite.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    rewrite.credential_cut = exchange_->credential_cut;
    rewrite.subject_block = {exchange_->subject_block, exchange_->subject_block_size};
    TextWriter out(exchange_->request_out);
    return write_request_head(exchange_->request, exchange_->in, rules_, rewrite, out) == RewriteError::none;
  }
  [[nodiscard]] bool write_log() {
    return write_log_line(*exchange_, 1'795'532'400'123, began + std::chrono::microseconds(150), line_) > 0;
  }

 private:
  static constexpr std::size_t token_count = 1000;
  static constexpr UnixSeconds now = 1'795'532'400;
  static constexpr Clock::time_point began{std::chrono::seconds(100)};
  static constexpr std::array<std::uint8_t, 16> client = {0, 0, 0,    0,    0,   0, 0, 0,
                                                          0, 0, 0xff, 0xff, 127, 0, 0, 1};

  [[nodiscard]] store::Store make_store() {
    store::OpenOptions options;
    options.directory = folder_.path();
    options.durable = false;
    options.size_max = 64 << 20;  // valgrind has no room for the default
    store::Store store = must(store::Store::open(options), "opening the store");
    store::Entity permission;
    permission.id = "shop.orders.read";
    require(static_cast<bool>(store.create_entity(actor_, permission)), "making a permission");
    std::vector<store::TokenSpec> specs(token_count);
    for (std::size_t i = 0; i < token_count; ++i) {
      specs[i].name = "service-" + std::to_string(i);
      specs[i].assignments.permissions = {permission.id};
    }
    secret_ = must(store.create_tokens(actor_, std::move(specs)), "making tokens")[token_count / 2].secret;
    require(secret_.size() == browser_token.size(), "a token of the usual size");
    const std::size_t at = browser_head.find(browser_token);
    std::memcpy(exchange_->in, browser_head.data(), browser_head.size());
    std::memcpy(exchange_->in + at, secret_.data(), secret_.size());
    return store;
  }

  void load_policy() {
    Diagnostics diagnostics;
    const yaml::Document document = yaml::parse("policy.yaml",
                                                "version: 1\n"
                                                "rules:\n"
                                                "  - {path: /health, allow: anonymous}\n"
                                                "  - {path: /api/v1/orders/**, methods: [GET, POST], "
                                                "permission: shop.orders.read}\n"
                                                "  - {path: /api/v1/admin/**, role: postern.admin}\n",
                                                diagnostics);
    policy_ = policy::Policy::compile(document, nullptr, diagnostics);
    require(policy_ != nullptr, "compiling the policy");
    catalog_ = must(store_.catalog(), "reading the catalog");
    binding_ = policy_->bind(catalog_);
    held_.emplace(holdings(), catalog_);
  }

  [[nodiscard]] static policy::Holdings holdings() {
    policy::Holdings held;
    held.id = held.token_id = "tok_0123456789abcdef";
    held.name = "service-500";
    held.permissions = {"shop.orders.read"};
    return held;
  }
  [[nodiscard]] const policy::Subject& subject() const noexcept { return held_->subject(); }

  void fill_facts() {
    Facts& facts = exchange_->facts;
    exchange_->head_complete = true;
    facts.method.assign("GET");
    facts.host.assign("shop.example.com");
    facts.request_id.assign("7d1c0f9e5b2a4c3d8e6f");
    facts.traceparent.assign("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    facts.client.assign("127.0.0.1");
    facts.rule.assign("policy.yaml:4");
    facts.subject.assign("tok_0123456789abcdef");
    facts.token.assign("tok_0123456789abcdef");
    facts.subject_type = policy::SubjectType::token;
    facts.token_state = store::TokenState::valid;
    facts.decided = facts.looked_up = true;
    facts.verdict = policy::Verdict::allow;
    facts.reason = policy::Reason::granted;
    facts.status = 200;
    facts.bytes_sent = 200;
    facts.began = began;
    facts.answered = began + std::chrono::microseconds(120);
  }

  Folder folder_;
  std::vector<CredentialSource> sources_ = {{CredentialPlace::authorization, ""}};
  store::Actor actor_{"process:micro", ""};
  std::string secret_;
  std::unique_ptr<Exchange> exchange_ = std::make_unique<Exchange>();
  store::Store store_;
  store::Reader reader_;
  std::unique_ptr<const policy::Policy> policy_;
  policy::Catalog catalog_;
  policy::Binding binding_;
  std::optional<policy::HeldSubject> held_;  // whoever asks, between look-up and verdict
  policy::Match match_;
  store::SecretHash hash_, stranger_ = store::hash_secret("pst_nobody");
  HeaderRules rules_{"X-Subject-"};
  std::array<char, limits::log_line_bytes_max> line_;
};

}  // namespace postern::bench
