#include <algorithm>

#include "conf/option_value.hpp"

namespace postern {
namespace {

std::string code(std::string_view text) {
  return text.empty() ? std::string{} : '`' + std::string(text) + '`';
}

/// How a value is written, from its unit and bounds.
std::string form(const Option& option) {
  std::string text(option.unit);
  if (option.value.list) text += ", or a list";
  if (!option.bounds.empty()) text += ": " + std::string(option.bounds);
  return text;
}

/// `variable` is empty for what only the file can hold.
std::string row(const Option& option, const std::string& variable) {
  std::string takes_effect = option.change == Change::reload ? "reload" : "restart";
  if (option.secret) takes_effect += ", secret";
  std::string source = code(variable);
  if (!option.flag.empty()) source += " " + code(option.flag);
  return "| " + code(option.name) + " | " + std::string(option.meaning) + " | " + form(option) + " | " +
         code(option.default_value) + " | " + takes_effect + " | " + source + " |\n";
}

constexpr std::string_view preface = R"(# postern.yaml

The smallest file:

```yaml
upstream: http://127.0.0.1:3000
policy: /etc/postern/policy.yaml
```

A key with a dot is nested: `timeouts.head` is `head` under `timeouts`. A value is taken from its flag, else its
environment variable (lists separated by commas), else the file, else the default. The file is the one that `--config` or
`POSTERN_CONFIG` names, else `postern.yaml` in the working directory, else `/etc/postern/postern.yaml`.

*Reload*: a changed value is in force after SIGHUP or a change of the file. *Restart*: it is reported then, and in force
after the next start. Durations are written `250ms`, `10s`, `5m`, `1h30m`, `7d`; sizes `65536`, `512KiB`, `10MB`, `64GiB`;
addresses `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/postern.sock`.

| key | meaning | form | default | takes effect | variable and flag |
|---|---|---|---|---|---|
)";

constexpr std::string_view later = R"(
Known, but not yet supported; refused at their place:

| key | meaning |
|---|---|
)";

}  // namespace

std::string config_reference() {
  std::string out(preface);
  for (const Option& option : options()) {
    if (!option.supported()) continue;
    const bool file_only = option.name == "upstreams";
    out += row(option, file_only ? std::string() : environment_name(option.name));
    if (!file_only) continue;
    for (const UpstreamKey& key : upstream_keys()) {
      const std::string name = "upstreams.NAME." + std::string(key.option.name);
      Option named = key.option;
      named.name = name;
      out += row(named, {});
    }
  }
  if (std::all_of(options().begin(), options().end(), [](const Option& one) { return one.supported(); }))
    return out;
  out += later;
  for (const Option& option : options())
    if (!option.supported()) out += "| " + code(option.name) + " | " + std::string(option.meaning) + " |\n";
  return out;
}

}  // namespace postern
