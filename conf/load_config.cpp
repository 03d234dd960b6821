#include <algorithm>
#include <cerrno>
#include <iterator>
#include <sys/stat.h>

#include "conf/environment.hpp"
#include "conf/limits.hpp"
#include "conf/option.hpp"
#include "conf/upstream_headers.hpp"

namespace postern {
namespace {

constexpr std::uint16_t tls_port = 8443;
constexpr std::string_view default_files[] = {"postern.yaml", "/etc/postern/postern.yaml"};

const Option* find_option(std::string_view name) {
  for (const Option& option : options())
    if (option.name == name) return &option;
  return nullptr;
}

/// Keys that may stand below `prefix` ("timeouts." or empty): of options and of sections, in the order of the
/// table.
std::vector<std::string_view> keys_below(std::string_view prefix, bool supported_only) {
  std::vector<std::string_view> keys;
  for (const Option& option : options()) {
    if (!option.name.starts_with(prefix) || (supported_only && !option.supported())) continue;
    std::string_view key = option.name.substr(prefix.size());
    key = key.substr(0, key.find('.'));
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  }
  return keys;
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string out;
  for (const std::string_view word : words) {
    if (!out.empty()) out += ", ";
    out += word;
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

yaml::Node scalar_node(std::string_view text) {
  yaml::Node node;
  node.kind = yaml::Kind::scalar;
  node.scalar = text;
  return node;
}

/// A value from outside the file as the file would hold it: the items of a list stand between commas.
yaml::Node text_node(const Option& option, const std::vector<std::string_view>& texts) {
  if (!option.value.list) return scalar_node(texts.empty() ? std::string_view{} : texts.back());
  yaml::Node node;
  node.kind = yaml::Kind::sequence;
  for (std::string_view text : texts) {
    while (!text.empty()) {
      const std::size_t comma = std::min(text.find(','), text.size());
      node.items.push_back(scalar_node(trimmed(text.substr(0, comma))));
      text.remove_prefix(std::min(comma + 1, text.size()));
    }
  }
  return node;
}

/// Fills a Config from one source after the other; the last one to give a value wins.
class Reading {
 public:
  Reading(const ConfigSources& sources, Diagnostics& diagnostics)
      : sources_(sources), diagnostics_(diagnostics), places_(options().size()) {
    config_.dev = sources.dev;
  }

  void defaults() {
    const std::size_t mistakes = diagnostics_.size();
    for (const Option& option : options())
      if (option.supported() && !option.default_value.empty())
        option.value.read(text_node(option, {option.default_value}), {}, option, config_, diagnostics_);
    POSTERN_CHECK(diagnostics_.size() == mistakes);
  }

  void file(const yaml::Document& document) {
    file_ = document.file;
    if (document.root.kind == yaml::Kind::null) return;
    if (document.root.kind != yaml::Kind::mapping)
      return diagnostics_.add(document.at(document.root), "a configuration is a mapping of keys to values");
    section(document, document.root, "");
  }

  void environment() {
    for (const auto& [name, value] : postern_variables(sources_)) {
      if (name == config_file_variable) continue;
      const Position at{name, 0, 0};
      if (const Option* option = option_of_variable(name))
        give(*option, text_node(*option, {value}), at);
      else if (!is_service_variable(name))
        diagnostics_.add(at, "unknown variable", suggest_variable(name));
    }
  }

  void flags() {
    for (const Option& option : options()) {
      std::vector<std::string_view> texts;
      for (const auto& [name, text] : sources_.flags)
        if (name == option.name) texts.push_back(text);
      if (texts.empty()) continue;
      const std::string flag =
          option.flag.empty() ? "--" + std::string(option.name) : std::string(option.flag);
      give(option, text_node(option, texts), {flag, 0, 0});
    }
  }

  /// What no single value shows.
  void check_together() {
    if (!sources_.store_only) check_required();
    check_upstreams();
    check_tls();
    if (config_.dev) check_dev();
    check_addresses_differ();
    check_credentials();
    if (config_.store_mode == StoreMode::declared && config_.catalog.empty())
      diagnostics_.add(place("store.mode"), "store.mode: a declared store needs a catalog that declares it");
  }

  [[nodiscard]] Config take() { return std::move(config_); }

 private:
  /// Where the value of an option came from; its `file` is empty when it is the default.
  [[nodiscard]] Position& place(const Option& option) {
    return places_[static_cast<std::size_t>(&option - options().data())];
  }
  [[nodiscard]] const Position& place(std::string_view name) { return place(*find_option(name)); }
  [[nodiscard]] bool given(std::string_view name) { return !place(name).file.empty(); }

  void give(const Option& option, const yaml::Node& node, const Position& at) {
    place(option) = at;
    if (!option.supported()) return diagnostics_.add(at, std::string(option.name) + " is not yet supported");
    option.value.read(node, at, option, config_, diagnostics_);
  }

  /// The keys of one mapping. `prefix` is empty at the top, else "timeouts.".
  void section(const yaml::Document& document, const yaml::Node& mapping, const std::string& prefix) {
    for (const yaml::Entry& entry : mapping.entries) {
      const std::string name = prefix + entry.key;
      // `timeouts.head:` in one word would be a second spelling of a nested key.
      const bool dotted = entry.key.find('.') != std::string::npos;
      const Option* option = dotted ? nullptr : find_option(name == "store.directory" ? "store" : name);
      const std::vector<std::string_view> below = keys_below(name + '.', false);
      const bool mapped = entry.value.kind == yaml::Kind::mapping;
      // A section whose lines are all commented out is no mistake.
      const bool empty = option == nullptr && entry.value.kind == yaml::Kind::null;
      if (!below.empty() && (mapped || empty))
        section(document, entry.value, name + '.');
      else if (option != nullptr)
        give(*option, entry.value, document.at(option->supported() ? entry.value : as_node(entry)));
      else if (!below.empty())
        diagnostics_.add(document.at(entry.value), name + ": keys of its own are expected",
                         "write them below it: " + joined(below));
      else
        diagnostics_.add(document.at(entry), "unknown key " + quoted(name), suggest_key(entry.key, prefix));
    }
  }

  /// The place of a key in the form of a node, for options that are refused as a whole.
  static yaml::Node as_node(const yaml::Entry& entry) {
    yaml::Node node;
    node.line = entry.line;
    node.column = entry.column;
    return node;
  }

  static std::string suggest_key(std::string_view key, std::string_view prefix) {
    std::string suggestion = did_you_mean(key, keys_below(prefix, true));
    if (!suggestion.empty()) return suggestion;
    // Right key, wrong place: `head:` at the top, or `timeouts.head:` in one word.
    for (const Option& option : options()) {
      const std::size_t dot = option.name.rfind('.');
      if (!option.supported() || dot == std::string_view::npos) continue;
      if (key == option.name || key == option.name.substr(dot + 1))
        return quoted(option.name.substr(dot + 1)) + " belongs under " + quoted(option.name.substr(0, dot));
    }
    return {};
  }

  void check_required() {
    const Position at{file_.empty() ? "configuration" : file_, 0, 0};
    for (const std::string_view name : {"upstream", "policy"}) {
      if (given(name) || (name == "policy" && config_.dev)) continue;
      if (name == "upstream" && given("upstreams")) continue;
      const Option& option = *find_option(name);
      diagnostics_.add(
          at, std::string(name) + " is missing",
          "set it in the file, by " + environment_name(name) + " or by " + std::string(option.flag));
    }
  }

  void check_upstreams() {
    const auto named_default = [](const Upstream& one) { return one.name == default_upstream; };
    const bool has_default = std::any_of(config_.upstreams.begin(), config_.upstreams.end(), named_default);
    if (given("upstream") && has_default)
      diagnostics_.add(place("upstream"),
                       "upstream: upstreams has an entry \"default\" already, which is the same thing");
    // The rule of --dev names none.
    if (config_.dev && !given("upstream") && !has_default && config_.upstreams.size() > 1)
      diagnostics_.add(place("upstreams"), "upstreams: with --dev one of them has to be called \"default\"");
    for (const Upstream& one : config_.upstreams) {
      const std::string flaw = upstream_headers_flaw(one.headers, config_.header_prefix);
      if (!flaw.empty()) diagnostics_.add(place("upstreams"), "upstreams." + one.name + ".headers: " + flaw);
    }
  }

  /// Says what was left unsaid: whether TLS is spoken, on which port, and whether clients show a certificate.
  void check_tls() {
    Tls& tls = config_.tls;
    if (tls.pair.certificate.empty() && !tls.pair.key.empty())
      diagnostics_.add(place("tls.key"), "tls.key: there is no tls.certificate that it could belong to");
    if (!tls.client_ca.empty() && !tls.configured())
      diagnostics_.add(place("tls.client_ca"), "tls.client_ca: without tls.certificate no client is asked");
    if (!given("tls.client_certificate") && !tls.client_ca.empty())
      tls.client_certificate = ClientCertificate::required;
    if (tls.client_certificate != ClientCertificate::none && tls.client_ca.empty())
      diagnostics_.add(place("tls.client_certificate"),
                       "tls.client_certificate: without tls.client_ca nobody vouches for a client");
    if (!given("listen") && tls.configured()) config_.listen.front().endpoint.port = tls_port;
    for (Listen& listen : config_.listen) {
      if (!listen.tls) listen.tls = tls.configured();
      if (*listen.tls && !tls.configured())
        diagnostics_.add(place("listen"), "listen: " + quoted(listen.endpoint.to_string()) +
                                              " is to speak TLS, but there is no tls.certificate");
      if (listen.proxy_protocol && config_.trusted_proxies.empty() && !listen.endpoint.is_unix())
        diagnostics_.add(place("listen"),
                         "listen: " + quoted(listen.endpoint.to_string()) +
                             " is to speak the PROXY protocol, but trusted_proxies names nobody");
      if (listen.decide != Decide::none && config_.trusted_proxies.empty() && !listen.endpoint.is_unix())
        diagnostics_.add(place("listen"),
                         "listen: " + quoted(listen.endpoint.to_string()) +
                             " is to decide for another proxy, but trusted_proxies names nobody");
    }
  }

  /// --dev lets every valid token pass and prints one: nobody but this machine may reach it.
  void check_dev() {
    const auto loopback_only = [&](std::string_view name, const std::vector<Endpoint>& endpoints) {
      for (const Endpoint& endpoint : endpoints)
        if (!is_loopback(endpoint))
          diagnostics_.add(place(name), std::string(name) +
                                            ": with --dev only loopback addresses are allowed, not " +
                                            quoted(endpoint.to_string()));
    };
    loopback_only("listen", client_endpoints());
    loopback_only("metrics.listen", config_.metrics_listen);
    if (given("admin.listen"))
      diagnostics_.add(place("admin.listen"), "admin.listen: there is no admin API with --dev");
  }

  void check_addresses_differ() {
    const std::vector<Endpoint> clients = client_endpoints();
    std::vector<std::pair<std::string_view, const Endpoint*>> seen;
    const auto check = [&](std::string_view name, const std::vector<Endpoint>& endpoints) {
      for (const Endpoint& endpoint : endpoints) {
        const auto same =
            std::find_if(seen.begin(), seen.end(), [&](const auto& s) { return *s.second == endpoint; });
        const bool any_port = !endpoint.is_unix() && endpoint.port == 0;
        if (same != seen.end() && !any_port)
          diagnostics_.add(place(name), std::string(name) + ": " + quoted(endpoint.to_string()) +
                                            " is an address of " + std::string(same->first) + " already");
        seen.emplace_back(name, &endpoint);
      }
    };
    check("listen", clients);
    check("admin.listen", config_.admin_listen);
    check("metrics.listen", config_.metrics_listen);
  }

  /// The subject headers are deleted from every request, so none of them can carry a credential.
  void check_credentials() {
    for (const CredentialSource& source : config_.credentials)
      if (is_subject_header(source, config_.header_prefix))
        diagnostics_.add(place("credentials"), "credentials: " + quoted(source.name) +
                                                   " lies among the subject headers " +
                                                   quoted(config_.header_prefix + '*'));
  }

  [[nodiscard]] std::vector<Endpoint> client_endpoints() const {
    std::vector<Endpoint> endpoints;
    for (const Listen& listen : config_.listen) endpoints.push_back(listen.endpoint);
    return endpoints;
  }

  const ConfigSources& sources_;
  Diagnostics& diagnostics_;
  std::vector<Position> places_;  ///< parallel to options()
  std::string file_;
  Config config_{};
};

/// The file to read: asked for, or the first default that is there. Empty: none. A default that is there but
/// cannot be read is not passed over.
std::string find_file(const ConfigSources& sources) {
  if (!sources.file.empty()) return sources.file;
  for (const auto& [name, value] : postern_variables(sources))
    if (name == config_file_variable && !value.empty()) return value;
  if (sources.dev) return {};
  for (const std::string_view path : default_files) {
    struct stat status {};
    const bool absent = ::stat(path.data(), &status) != 0 && (errno == ENOENT || errno == ENOTDIR);
    if (!absent) return std::string(path);
  }
  return {};
}

}  // namespace

std::optional<Config> read_config(const yaml::Document& document, const ConfigSources& sources,
                                  Diagnostics& diagnostics) {
  // Of a file that could not be read nothing can be missing.
  const bool unreadable = !diagnostics.empty() && document.root.kind == yaml::Kind::null;
  const std::size_t mistakes = diagnostics.size();
  Reading reading(sources, diagnostics);
  reading.defaults();
  reading.file(document);
  reading.environment();
  reading.flags();
  if (unreadable) return std::nullopt;
  reading.check_together();
  if (diagnostics.size() > mistakes) return std::nullopt;
  return reading.take();
}

std::optional<LoadedConfig> load_config(const ConfigSources& sources, Diagnostics& diagnostics,
                                        yaml::Document* document) {
  const std::size_t mistakes = diagnostics.size();
  Diagnostics of_file;
  const std::string file = find_file(sources);
  yaml::Document parsed;
  if (!file.empty()) parsed = yaml::load(file, of_file);
  auto config = read_config(parsed, sources, of_file);
  diagnostics.append(std::move(of_file));
  if (document != nullptr) *document = parsed;
  if (!config || diagnostics.size() > mistakes) return std::nullopt;
  return LoadedConfig{std::move(*config), std::move(parsed)};
}

}  // namespace postern
