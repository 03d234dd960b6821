// The section `upstreams`: entries by name, each with keys of its own.

#include <algorithm>

#include "conf/limits.hpp"
#include "conf/option_value.hpp"

namespace postern {
namespace {

constexpr auto read_addresses =
    read_list<read_upstream_url, 1, limits::upstream_addresses_max, UpstreamAddress>;

void read_url(const Given& given, Upstream& out) {
  out.addresses.resize(1);
  read_upstream_url(given, out.addresses.front());
}

void read_health_path(const Given& given, std::string& out) {
  const std::string* text = given.text();
  if (text == nullptr) return;
  const bool plain = std::all_of(text->begin(), text->end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!text->starts_with('/') || !plain || text->find('#') != std::string::npos)
    return given.mistake(given.shown() + " is no path", "write it as /health");
  out = *text;
}

void read_server_name(const Given& given, std::string& out) {
  const std::string* text = given.text();
  if (text == nullptr) return;
  const auto endpoint = parse_endpoint(*text + ":0");
  if (!endpoint || endpoint->is_unix()) return given.mistake(given.shown() + " is not the name of a host");
  out = endpoint->host;
}

template <auto read_member, auto... path>
void into(const Given& given, Upstream& out) {
  read_member(given, member<path...>(out));
}

constexpr Change restart = Change::restart;
constexpr Change reload = Change::reload;
constexpr bool open = false;  // in the column `secret`
constexpr bool secret = true;

// clang-format off
constexpr UpstreamKey keys[] = {
  // name, meaning, unit, default, bounds, change, secret
  {{"url", "Where it answers; this or `addresses`", "URL", "", "http://host:port, https://host:port or unix:/path", restart, open}, read_url},
  {{"addresses", "Where it answers, several of equal right", "list of URLs", "", "1 to 32 entries", restart, open}, into<read_addresses, &Upstream::addresses>},
  {{"headers", "Our own credential there: headers that are set on every request to it, whatever the client sent under their names", "mapping", "", "", restart, secret}, into<read_upstream_headers, &Upstream::headers>},
  {{"headers_file", "File of more such headers, `Name: value` each; a broken one keeps the last good one", "path", "", "", reload, open}, into<read_path, &Upstream::headers_file>},
  {{"tls.ca", "Certificates of those who vouch for it, read again when the file changes; without it whom the system trusts", "path", "", "", restart, open}, into<read_path, &Upstream::tls, &UpstreamTls::ca>},
  {{"tls.certificate", "Certificate that we show it, read again when the file changes", "path", "", "", restart, open}, into<read_path, &Upstream::tls, &UpstreamTls::pair, &KeyPair::certificate>},
  {{"tls.key", "Its private key; without it in the certificate's file", "path", "", "", restart, open}, into<read_path, &Upstream::tls, &UpstreamTls::pair, &KeyPair::key>},
  {{"tls.server_name", "Name that its certificate must have, instead of the host of its address", "text", "", "", restart, open}, into<read_server_name, &Upstream::tls, &UpstreamTls::server_name>},
  {{"resolve", "How often names are looked up again", "duration", "30s", "100ms to 1h", restart, open}, into<read_duration, &Upstream::resolve>},
  {{"health.path", "What to ask each address for, to know whether it is well; nobody asks without it", "path", "", "", restart, open}, into<read_health_path, &Upstream::health, &HealthCheck::path>},
  {{"health.interval", "How often", "duration", "5s", "10ms to 1h", restart, open}, into<read_duration, &Upstream::health, &HealthCheck::interval>},
  {{"health.timeout", "How long the whole answer, any 2xx, may take", "duration", "1s", "10ms to 1m", restart, open}, into<read_duration, &Upstream::health, &HealthCheck::timeout>},
  {{"health.healthy", "Good answers in a row until an address is used again", "count", "1", "1 to 100", restart, open}, into<read_count, &Upstream::health, &HealthCheck::healthy>},
  {{"health.unhealthy", "Bad ones in a row until it is not used", "count", "2", "1 to 100", restart, open}, into<read_count, &Upstream::health, &HealthCheck::unhealthy>},
};
// clang-format on

const UpstreamKey* find_key(std::string_view name) noexcept {
  for (const UpstreamKey& key : keys)
    if (key.option.name == name) return &key;
  return nullptr;
}

std::vector<std::string_view> keys_below(std::string_view prefix) {
  std::vector<std::string_view> names;
  for (const UpstreamKey& key : keys) {
    if (!key.option.name.starts_with(prefix)) continue;
    std::string_view name = key.option.name.substr(prefix.size());
    name = name.substr(0, name.find('.'));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

/// One entry while it is read.
class EntryReader {
 public:
  EntryReader(const Given& all, std::string name, Upstream& out)
      : all_(all), path_("upstreams." + std::move(name)), out_(out) {
    for (const UpstreamKey& key : keys) {
      if (key.option.default_value.empty()) continue;
      yaml::Node node;
      node.kind = yaml::Kind::scalar;
      node.scalar = key.option.default_value;
      read(key, node, all.at);
    }
  }

  void section(const yaml::Node& mapping, const std::string& prefix) {
    for (const yaml::Entry& entry : mapping.entries) {
      const std::string name = prefix + entry.key;
      const UpstreamKey* key = entry.key.find('.') == std::string::npos ? find_key(name) : nullptr;
      const bool group = key == nullptr && !keys_below(name + '.').empty();
      if (key != nullptr) {
        read(*key, entry.value, at(entry.value.line, entry.value.column));
      } else if (group && entry.value.kind == yaml::Kind::mapping) {
        section(entry.value, name + '.');
      } else if (group) {
        complain(at(entry.value.line, entry.value.column), name + ": keys of its own are expected");
      } else {
        complain(at(entry.line, entry.column), "unknown key " + quoted(entry.key),
                 did_you_mean(entry.key, keys_below(prefix)));
      }
    }
  }

  void check_together(const yaml::Entry& entry) {
    const auto given = [&](std::string_view key) { return entry.value.find(key) != nullptr; };
    const Position place = at(entry.line, entry.column);
    if (given("url") == given("addresses"))
      complain(place, given("url") ? "either url or addresses, not both" : "url or addresses is missing");
    for (auto one = out_.addresses.begin(); one != out_.addresses.end(); ++one)
      if (one->endpoint.is_set() && std::find(out_.addresses.begin(), one, *one) != one)
        complain(place, "the address " + quoted(one->endpoint.to_string()) + " is named twice");
    const auto plain = [](const UpstreamAddress& one) { return !one.tls; };
    const auto plain_count = std::count_if(out_.addresses.begin(), out_.addresses.end(), plain);
    if (plain_count != 0 && static_cast<std::size_t>(plain_count) != out_.addresses.size())
      complain(place, "either all addresses are https:// or none is");
    if (plain_count != 0 && given("tls"))
      complain(place, "tls: an address that is not https:// is not spoken to over TLS");
    if (out_.tls.pair.certificate.empty() && !out_.tls.pair.key.empty())
      complain(place, "tls.key: there is no tls.certificate that it could belong to");
    const yaml::Node* health = entry.value.find("health");
    if (health != nullptr && health->find("path") == nullptr)
      complain(place, "health: path is missing", "write what to ask for, for example /health");
  }

 private:
  [[nodiscard]] Position at(std::size_t line, std::size_t column) const {
    return {all_.at.file, line, column};
  }
  void complain(const Position& place, const std::string& message, std::string suggestion = {}) const {
    all_.diagnostics.add(place, path_ + ": " + message, std::move(suggestion));
  }
  void read(const UpstreamKey& key, const yaml::Node& node, const Position& place) {
    const std::string name = path_ + '.' + std::string(key.option.name);
    Option named = key.option;
    named.name = name;
    key.read(Given{node, place, named, all_.diagnostics}, out_);
  }

  const Given& all_;
  const std::string path_;
  Upstream& out_;
};

/// Fit for a label of metrics and for a rule.
bool is_upstream_name(std::string_view name) noexcept {
  const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && name.size() <= limits::upstream_name_bytes_max && letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_'; });
}

}  // namespace

std::span<const UpstreamKey> upstream_keys() noexcept {
  return keys;
}

void read_upstreams(const Given& given, std::vector<Upstream>& out) {
  if (given.node.kind != yaml::Kind::mapping || given.node.entries.empty())
    return given.mistake("a mapping of names to upstreams is expected",
                         "write '{orders: {url: http://127.0.0.1:8000}}' in the file");
  if (given.node.entries.size() > limits::upstreams_max)
    return given.mistake("more than " + std::to_string(limits::upstreams_max) + " upstreams");
  std::vector<Upstream> read;
  for (const yaml::Entry& entry : given.node.entries) {
    const Position key_at{given.at.file, entry.line, entry.column};
    if (!is_upstream_name(entry.key)) {
      given.diagnostics.add(key_at, "upstreams: " + quoted(entry.key) + " is no name of an upstream",
                            "allowed are up to " + std::to_string(limits::upstream_name_bytes_max) +
                                " of a-z, 0-9, '-' and '_', a letter first");
      continue;
    }
    if (entry.value.kind != yaml::Kind::mapping) {
      given.diagnostics.add(key_at, "upstreams." + entry.key + ": keys of its own are expected",
                            "write '{url: http://host:port}'");
      continue;
    }
    Upstream& upstream = read.emplace_back();
    upstream.name = entry.key;
    EntryReader reader(given, entry.key, upstream);
    reader.section(entry.value, {});
    reader.check_together(entry);
  }
  out = std::move(read);
}

std::vector<Upstream> Config::all_upstreams() const {
  std::vector<Upstream> all = upstreams;
  if (upstream.endpoint.is_set()) {
    Upstream only;
    only.name = default_upstream;
    only.addresses.push_back(upstream);
    only.resolve = *parse_duration(find_key("resolve")->option.default_value);
    all.push_back(std::move(only));
  }
  return all;
}

}  // namespace postern
