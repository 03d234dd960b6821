#include "proxy/gate.hpp"

#include <algorithm>

#include "conf/option.hpp"
#include "proxy/address.hpp"
#include "proxy/credential.hpp"
#include "proxy/subject_block.hpp"
#include "proxy/websocket.hpp"
#include "store/secret.hpp"

namespace postern {
namespace {

using policy::Credential;

/// Whether what the peer says about clients and requests before it is believed.
bool is_believed(const Peer& peer, const std::vector<Network>& trusted) noexcept {
  return peer.asks_for_another || is_trusted(peer, trusted);
}

/// The subject of the client's own certificate.
std::string_view client_certificate(const Peer& peer, UnixSeconds now) noexcept {
  return peer.asks_for_another ? std::string_view() : certificate_at(peer, now);
}

/// Writes down for the log what is missing. Out of line: most requests lack nothing.
[[gnu::noinline]] void note_unmet(const policy::Decision& decision, Facts& facts) noexcept {
  if (decision.reason == policy::Reason::denied) return;
  char text[decltype(facts.unmet)::capacity];
  TextWriter out(text);
  const std::string* name = nullptr;
  if (decision.failed != nullptr) {
    out.put(policy::to_string(decision.failed->on));
    name = &decision.failed->name;
  } else {
    out.put(policy::to_string(decision.unmet->kind));
    name = &decision.unmet->id;
  }
  if (!name->empty()) {
    out.put(' ');
    out.put(std::string_view(*name).substr(0, sizeof text - out.size()));
  }
  facts.unmet.assign(out.view());
}

}  // namespace

bool is_trusted(const Peer& peer, const std::vector<Network>& trusted) noexcept {
  return peer.known && !trusted.empty() && is_within(trusted, peer.address);
}

std::array<std::uint8_t, 16> client_address(const RequestHead& head, const char* buffer, const Peer& peer,
                                            const std::vector<Network>& trusted,
                                            BoundedText<46>& text) noexcept {
  text.assign(peer.text.view());
  std::array<std::uint8_t, 16> address = peer.address;
  if (!is_believed(peer, trusted)) return address;
  // From the right: each proxy appends what it saw, so the last entry that is not ours is the first that may
  // be a lie.
  for (std::size_t i = head.field_count; i-- > 0;) {
    const Field& field = head.fields[i];
    if (field.known != FieldName::x_forwarded || !iequals(field.name.of(buffer), "X-Forwarded-For")) continue;
    std::string_view list = field.value.of(buffer);
    while (!list.empty()) {
      const std::size_t comma = list.rfind(',');
      std::string_view entry = comma == std::string_view::npos ? list : list.substr(comma + 1);
      list = comma == std::string_view::npos ? std::string_view{} : list.substr(0, comma);
      while (!entry.empty() && (entry.front() == ' ' || entry.front() == '\t')) entry.remove_prefix(1);
      while (!entry.empty() && (entry.back() == ' ' || entry.back() == '\t')) entry.remove_suffix(1);
      const auto parsed = parse_address(entry);
      if (!parsed) return address;
      address = *parsed;
      text.assign(entry);
      if (!is_within(trusted, address)) return address;
    }
  }
  return address;
}

Gate::Gate(store::Reader reader, std::shared_ptr<const Snapshot> snapshot, ShardMetrics& metrics)
    : reader_(std::move(reader)),
      snapshot_(std::move(snapshot)),
      header_rules_(snapshot_->config.header_prefix),
      metrics_(metrics) {
  header_rules_.set_credential_fields(snapshot_->credential_fields);
}

void Gate::use(std::shared_ptr<const Snapshot> snapshot) noexcept {
  snapshot_ = std::move(snapshot);
  header_rules_.set_credential_fields(snapshot_->credential_fields);
  bound_ = false;
}

const policy::Binding& Gate::binding(const policy::Catalog& catalog) {
  if (!bound_ || bound_version_ != catalog.version) {
    binding_ = snapshot_->policy->bind(catalog);
    bound_version_ = catalog.version;
    bound_ = true;
  }
  return binding_;
}

std::optional<Answer> Gate::canonicalise(Exchange& exchange, Forwarding forwarding) noexcept {
  const RequestHead& head = exchange.request;
  const std::string_view method = head.method.of(exchange.in);
  if (head.form == TargetForm::authority || method == "CONNECT" || method == "TRACE")
    return answers::method_not_allowed;

  if (head.has_host) {
    policy::CanonicalHost host;
    if (!policy::canonical_host(head.host.of(exchange.in), exchange.host, host))
      return answers::of(HeadError::bad_host);
    TextWriter text(exchange.host, host.name.size());
    if (!host.port.empty()) {
      text.put(':');
      text.put(host.port);
    }
    exchange.host_size = text.size();
    exchange.facts.host.assign(host.name);
  } else if (snapshot_->policy->has_host_rules()) {
    return answers::of(HeadError::missing_host);
  }

  if (head.form == TargetForm::asterisk) {
    exchange.path_text[0] = '*';
    exchange.path.text = {exchange.path_text, 1};
    return std::nullopt;
  }
  const std::string_view raw = head.path.size == 0 ? std::string_view("/") : head.path.of(exchange.in);
  policy::TargetError error = policy::canonical_path(raw, exchange.path_text, exchange.path);
  if (error == policy::TargetError::encoded_slash && forwarding == Forwarding::by_us)
    error = snapshot_->policy->canonical_path(exchange.facts.host.view(), exchange.facts.method.view(), raw,
                                              exchange.path_text, exchange.path);
  if (error != policy::TargetError::none) return answers::of(error);
  return std::nullopt;
}

policy::Match Gate::match(const Exchange& exchange) const noexcept {
  const policy::Policy& policy = *snapshot_->policy;
  const std::string_view method = exchange.facts.method.view();
  const std::string_view host = exchange.facts.host.view();
  return exchange.path.text == "*" ? policy.match_asterisk(host, method)
                                   : policy.match(host, exchange.path, method);
}

// Not inlined, or every request would carry the fields on its stack.
[[gnu::noinline]] const policy::Condition* Gate::failed_condition(const Exchange& exchange,
                                                                  const policy::Rule& rule,
                                                                  std::span<const std::uint8_t, 16> client,
                                                                  bool trusted) const noexcept {
  const RequestHead& head = exchange.request;
  std::array<policy::HeaderField, limits::fields_max> fields;
  std::size_t count = 0;
  Nominated nominated;
  // A head that names too much is refused when it is written; until then nothing of it counts.
  const bool readable = nominated.collect(head, exchange.in, &header_rules_);
  for (const Field& field : head.all()) {
    const std::string_view name = field.name.of(exchange.in);
    // A client must not meet a condition with what the upstream never sees.
    if (!readable || header_rules_.request_field(name, field, trusted) != FieldFate::pass ||
        nominated.contains(name) || is_kept_back(name, rule))
      continue;
    fields[count++] = {name, field.value.of(exchange.in)};
  }
  const std::string_view query = head.has_query ? head.query.of(exchange.in) : std::string_view();
  return policy::first_failed(rule.conditions, {query, std::span(fields).first(count), client, false});
}

/// What a rule or the upstream's entry sets takes the place of what a client sends, and a token ends here.
bool Gate::is_kept_back(std::string_view name, const policy::Rule& rule) const noexcept {
  const auto& names = snapshot_->policy->upstream_header_names();
  const auto carries_token = [name](const CredentialSource& source) {
    return source.place == CredentialPlace::header && is_alias(name, source.name);
  };
  const auto& sources = snapshot_->config.credentials;
  return std::any_of(sources.begin(), sources.end(), carries_token) ||
         std::any_of(rule.credentials.begin(), rule.credentials.end(), carries_token) ||
         std::any_of(names.begin(), names.end(),
                     [name](const std::string& own) { return is_alias(name, own); }) ||
         (rule.upstream < snapshot_->upstreams.size() &&
          snapshot_->upstreams[rule.upstream].headers.covers(name));
}

/// What any rule sets, no client sends: an upstream that believes it on one path believes it on another.
[[gnu::noinline]] void Gate::set_rule_headers(Exchange& exchange, const policy::Rule* rule) const noexcept {
  const RequestHead& head = exchange.request;
  for (std::size_t i = 0; i < head.field_count; ++i) {
    const std::string_view name = head.fields[i].name.of(exchange.in);
    for (const std::string& own : snapshot_->policy->upstream_header_names())
      if (is_alias(name, own)) exchange.credential_cut.dropped.set(i);
  }
  if (rule == nullptr) return;
  TextWriter out(exchange.subject_block, exchange.subject_block_size);
  for (const UpstreamHeader& header : rule->upstream_headers) {
    out.put(header.name);
    out.put(": ");
    out.put(header.value);
    out.put("\r\n");
  }
  exchange.subject_block_size = out.size();
}

CredentialSources Gate::sources(const policy::Match& match) const noexcept {
  CredentialSources sources{snapshot_->config.credentials, {}};
  if (match.rule) sources.own = match.rule->credentials;
  return sources;
}

Gate::Ruling Gate::rule(Exchange& exchange, const Peer& peer, UnixSeconds now,
                        Forwarding forwarding) noexcept {
  const Config& config = snapshot_->config;
  const RequestHead& head = exchange.request;
  Facts& facts = exchange.facts;
  facts.certificate = client_certificate(peer, now);
  facts.method.assign(head.method.of(exchange.in));
  const auto client = client_address(head, exchange.in, peer, config.trusted_proxies, facts.client);

  Ruling ruling;
  if (const auto refusal = canonicalise(exchange, forwarding)) {
    ruling.answer = *refusal;
    return ruling;
  }
  const UpgradeRequest upgrade = upgrade_request(head, exchange.in);
  if (upgrade == UpgradeRequest::malformed) {
    ruling.answer = answers::bad_upgrade;
    return ruling;
  }
  exchange.upgrade = upgrade == UpgradeRequest::websocket;

  policy::Match match = this->match(exchange);
  exchange.body_limit = config.limits.body;
  exchange.trailers = match.rule && match.rule->trailers == policy::Trailers::pass;
  if (match.rule) {
    facts.rule.assign(match.rule->id);
    exchange.upstream = match.rule->upstream;
    exchange.body_limit = match.rule->body_limit.value_or(config.limits.body);
    exchange.timeouts = match.rule->timeouts;
    exchange.answer_lines.assign(match.rule->answer_lines);
    if (!match.rule->conditions.empty())
      match.failed =
          failed_condition(exchange, *match.rule, client, is_believed(peer, config.trusted_proxies));
  }
  ruling = judge(exchange, match, peer, client, now);
  if (ruling.allowed && !snapshot_->policy->upstream_header_names().empty())
    set_rule_headers(exchange, match.rule);
  if (ruling.allowed && exchange.body_limit > 0 && head.framing == Framing::length &&
      head.content_length > exchange.body_limit) {
    ruling.allowed = false;
    ruling.answer = answers::body_too_large;
  }
  ruling.trusted_peer = is_trusted(peer, config.trusted_proxies);
  return ruling;
}

int Gate::count_failure(std::span<const std::uint8_t, 16> client, UnixSeconds now) noexcept {
  const std::uint32_t max = snapshot_->config.limits.auth_failures_per_minute;
  if (max == 0 || is_nowhere(client)) return 0;
  const int seconds = failures_.add(client, now, max);
  if (seconds != 0) metrics_.auth_failures_limited.add();
  return seconds;
}

Gate::Ruling Gate::judge(Exchange& exchange, const policy::Match& match, const Peer& peer,
                         std::span<const std::uint8_t, 16> client, UnixSeconds now) noexcept {
  using Form = PresentedCredential::Form;
  const Config& config = snapshot_->config;
  Facts& facts = exchange.facts;
  const PresentedCredential presented =
      presented_credential(exchange.request, exchange.in, sources(match), exchange.upgrade,
                           exchange.decoded_credential, exchange.credential_cut);
  exchange.credential_place = presented.place;
  if (presented.form == Form::malformed) return {false, answers::malformed_credential, false};

  // From here to the end of the function is one snapshot of the store: no request sees a token of before and
  // a role of after.
  auto snapshot = reader_.snapshot();
  const bool anonymous_rule =
      match.rule && match.rule->requirement.kind == policy::RequirementKind::anonymous;
  if ((!snapshot.ok() || store_lost_) && !(anonymous_rule && presented.form != Form::bearer))
    return {false, answers::store_unavailable, false};

  policy::Subject subject;
  Credential credential = Credential::absent;
  if (presented.form == Form::bearer) {
    credential = Credential::unusable;
    facts.looked_up = true;
    facts.token_state = store::TokenState::unknown;
    const bool worth_a_look = presented.secret.starts_with(config.token_prefix)
                                  ? store::may_be_ours(presented.secret, config.token_prefix)
                                  : snapshot.has_imported_secrets();
    if (worth_a_look && presented.secret.size() <= limits::credential_bytes_max) {
      exchange.claim.hash = store::hash_secret(presented.secret);
      facts.token_state = snapshot.find(exchange.claim.hash, now, client);
      facts.token.assign(snapshot.token_id());
    }
    metrics_.lookups_by_state[static_cast<std::size_t>(facts.token_state)].add();
    if (facts.token_state == store::TokenState::store_broken)
      return {false, answers::store_unavailable, false};
    using Kind = store::TokenUse::Kind;
    if (facts.token_state == store::TokenState::rotated)
      usage_.note(snapshot.token_key(), Kind::rotated, client, now);
    if (facts.token_state == store::TokenState::canary)
      usage_.note(snapshot.token_key(), Kind::canary, client, now);
    if (facts.token_state == store::TokenState::valid) {
      usage_.note(snapshot.token_key(), Kind::use, client, now);
      credential = Credential::valid;
      subject = snapshot.subject();
      if (config.header_token_expires) facts.token_expires = snapshot.expires();
    }
  }

  subject.certificate = client_certificate(peer, now);
  static const policy::Binding unbound;
  const policy::Binding& bound = snapshot.ok() ? binding(snapshot.catalog()) : unbound;
  policy::Decision decision = policy::decide(match, bound, credential, subject);
  // Looked up first and limited afterwards, so that a valid token behind the same address always passes. Also
  // where everybody may pass: the answer there shows the subject of a good guess.
  const bool guessed = decision.reason == policy::Reason::invalid_token ||
                       (anonymous_rule && credential == Credential::unusable);
  const int seconds = guessed ? count_failure(client, now) : 0;
  if (seconds != 0) {
    decision.verdict = policy::Verdict::deny;
    decision.reason = policy::Reason::invalid_token;
  }
  facts.decided = true;
  facts.verdict = decision.verdict;
  facts.reason = decision.reason;
  facts.shadowed = decision.shadowed;
  if (decision.unmet != nullptr || decision.failed != nullptr) note_unmet(decision, facts);
  facts.subject_type = subject.type;
  facts.subject.assign(subject.id);
  metrics_.decisions_by_reason[static_cast<std::size_t>(decision.reason)].add();
  if (decision.shadowed) metrics_.shadow_denials_by_reason[static_cast<std::size_t>(decision.reason)].add();
  if (seconds != 0) return {false, answers::too_many_failures(seconds), false};
  if (decision.verdict != policy::Verdict::allow) return {false, answers::of(decision), false};

  OpenClaim& claim = exchange.claim;
  claim.token = credential == Credential::valid      ? OpenClaim::Token::valid
                : credential == Credential::unusable ? OpenClaim::Token::unusable
                                                     : OpenClaim::Token::none;
  claim.place = presented.place;
  claim.source.assign(presented.source);
  std::copy(client.begin(), client.end(), claim.client.begin());
  exchange.subject_block_size =
      write_subject_block(subject, header_rules_.prefix(), config.header_permissions,
                          std::span(exchange.subject_block).first<limits::subject_block_bytes_max>());
  return {true, {}, false};
}

std::optional<Answer> Gate::look_again(const Exchange& exchange, const Peer& peer, UnixSeconds now) noexcept {
  const OpenClaim& claim = exchange.claim;
  // A reload may have taken back that escaped slashes are kept here.
  if (exchange.path.has_encoded_slash &&
      !snapshot_->policy->keeps_slashes(exchange.facts.host.view(), exchange.path,
                                        exchange.facts.method.view()))
    return answers::of(policy::TargetError::encoded_slash);
  policy::Match match = this->match(exchange);
  // The head may have been read over; where the client comes from is known, and may be judged anew.
  if (match.rule && !match.rule->conditions.empty())
    match.failed = policy::first_failed(match.rule->conditions, {{}, {}, claim.client, true});
  auto snapshot = reader_.snapshot();
  // What cannot be looked at is not let through either, unless it needs no look: as when it was let in.
  const bool anonymous_rule =
      match.rule && match.rule->requirement.kind == policy::RequirementKind::anonymous;
  if ((!snapshot.ok() || store_lost_) && !(anonymous_rule && claim.token == OpenClaim::Token::none))
    return answers::store_unavailable;

  policy::Subject subject;
  Credential credential = Credential::absent;
  if (claim.token != OpenClaim::Token::none && sources(match).accept(claim.place, claim.source.view()))
    credential = Credential::unusable;
  if (claim.token == OpenClaim::Token::valid) {
    const store::TokenState state = snapshot.find(claim.hash, now, claim.client);
    if (state == store::TokenState::store_broken) return answers::store_unavailable;
    // Also where everybody may pass: the upstream was told of a subject who is no longer that.
    if (state != store::TokenState::valid || credential == Credential::absent) return answers::token_revoked;
    credential = Credential::valid;
    subject = snapshot.subject();
  }
  subject.certificate = client_certificate(peer, now);
  static const policy::Binding unbound;
  const policy::Binding& bound = snapshot.ok() ? binding(snapshot.catalog()) : unbound;
  const policy::Decision decision = policy::decide(match, bound, credential, subject);
  if (decision.verdict == policy::Verdict::allow) return std::nullopt;
  return answers::of(decision);
}

}  // namespace postern
