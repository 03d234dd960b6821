#include "proxy/cli/openapi_source.hpp"

#include "proxy/cli/output.hpp"
#include "proxy/cli/text_file.hpp"
#include "proxy/http_client.hpp"

namespace postern::cli {

void OpenapiSource::declare(Arguments& arguments) {
  arguments.text("--openapi", "FILE|URL", place_, "the API's document, YAML or JSON");
  arguments.number("--timeout", seconds_, 3600, "seconds to wait for a document from a URL, 30 unless given");
  arguments.text("--base", "PATH", base_, "instead of the path of its servers; / for none");
}

bool OpenapiSource::load() {
  HttpBounds bounds;
  bounds.time = std::chrono::seconds(seconds_);
  bounds.bytes_max = text_file_bytes_max;
  auto text = is_http_url(place_) ? fetch(place_, bounds) : read_text_file(place_);
  if (!text) {
    complain(text.error().message);
    return false;
  }
  Diagnostics diagnostics;
  document_ = policy::parse_openapi(place_, std::move(*text), diagnostics);
  if (diagnostics.empty()) operations_ = policy::read_operations(document_, base_, diagnostics);
  if (diagnostics.empty()) return true;
  complain_about(diagnostics, {&document_});
  return false;
}

}  // namespace postern::cli
