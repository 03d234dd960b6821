#include "proxy/span_exporter.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "conf/option.hpp"
#include "proxy/bounded_text.hpp"
#include "proxy/json.hpp"
#include "proxy/operator_log.hpp"

namespace postern {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t ring_bytes = 2 * 1024 * 1024;  // of a shard: about 2,500 spans
constexpr auto busy_interval = 200ms;
constexpr auto quiet_interval = 1000ms;
constexpr auto answer_time = 5s;
constexpr auto last_answer_time = 1s;                 // when the process ends
constexpr std::size_t batch_bytes = 4 * 1024 * 1024;  // a report of so much is not made longer
constexpr std::uint32_t attempts_max = 5;             // waiting 1, 2, 4, 8 s between them

/// The statuses after which OTLP asks a client to try again.
bool is_passing(int status) noexcept {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

std::uint64_t spans_in(std::string_view batch) noexcept {
  return static_cast<std::uint64_t>(std::count(batch.begin(), batch.end(), '\n'));
}

std::string quoted_json(std::string_view text) {
  std::string out(text.size() * 6 + 2, '\0');
  TextWriter writer(out);
  put_json_string(writer, text);
  out.resize(writer.size());
  return out;
}

std::string envelope(const std::string& service_name) {
  const auto attribute = [](std::string_view key, std::string_view value) {
    return R"({"key":")" + std::string(key) + R"(","value":{"stringValue":)" + quoted_json(value) + "}}";
  };
  return R"({"resourceSpans":[{"resource":{"attributes":[)" + attribute("service.name", service_name) + "," +
         attribute("service.version", version()) +
         R"(]},"scopeSpans":[{"scope":{"name":"postern","version":)" + quoted_json(version()) +
         R"(},"spans":[)";
}

}  // namespace

Result<std::unique_ptr<SpanExporter>> SpanExporter::start(const Tracing& tracing, std::size_t rings,
                                                          ProcessMetrics& metrics) {
  if (tracing.endpoint.empty()) return std::unique_ptr<SpanExporter>();
  POSTERN_TRY(HttpUrl url, parse_http_url(tracing.endpoint));
  std::shared_ptr<const TlsClient> tls;
  if (url.tls) {
    POSTERN_TRY(tls, TlsClient::load(UpstreamTls{}));
  }
  const int stop = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (stop < 0) return Error{ErrorKind::unavailable, std::string("tracing: ") + std::strerror(errno)};
  return std::unique_ptr<SpanExporter>(
      new SpanExporter(std::move(url), std::move(tls), stop, tracing, rings, metrics));
}

SpanExporter::SpanExporter(HttpUrl url, std::shared_ptr<const TlsClient> tls, int stop,
                           const Tracing& tracing, std::size_t rings, ProcessMetrics& metrics)
    : url_(std::move(url)),
      place_(tracing.endpoint),
      tls_(std::move(tls)),
      envelope_(envelope(tracing.service_name)),
      sample_percent_(tracing.sample_percent),
      metrics_(metrics),
      stop_(stop) {
  for (std::size_t i = 0; i < rings; ++i) rings_.push_back(std::make_unique<ByteRing>(ring_bytes));
  thread_ = std::thread([this] { run(); });
}

SpanExporter::~SpanExporter() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(stop_, &one, sizeof one);
  thread_.join();
  ::close(stop_);
}

bool SpanExporter::pause(std::chrono::milliseconds time) {
  pollfd stop{stop_, POLLIN, 0};
  return ::poll(&stop, 1, static_cast<int>(time.count())) <= 0;
}

void SpanExporter::run() {
  std::chrono::milliseconds wait = quiet_interval;
  while (pause(wait)) {
    const bool busy = gather();
    send(answer_time, stop_);
    if (attempts_ > 0)
      wait = quiet_interval * (1U << (attempts_ - 1));
    else
      wait = busy ? busy_interval : quiet_interval;
  }
  while (reachable_ && gather()) send(last_answer_time, -1);
}

/// While a batch waits for its collector, later spans wait in their rings.
bool SpanExporter::gather() {
  if (!batch_.empty()) return true;
  for (std::size_t turn = 0; turn < rings_.size() && batch_.size() < batch_bytes; ++turn) {
    rings_[next_ring_]->drain([this](std::string_view spans) { batch_ += spans; });
    next_ring_ = (next_ring_ + 1) % rings_.size();
  }
  return !batch_.empty();
}

void SpanExporter::send(std::chrono::seconds time, int stop) {
  if (batch_.empty()) return;
  std::string report = envelope_ + batch_;
  std::replace(report.begin() + static_cast<std::ptrdiff_t>(envelope_.size()), report.end(), '\n', ',');
  report.back() = ']';
  report += "}]}]}";
  const auto status = post(url_, tls_.get(), "application/json", report, time, stop);
  if (status && *status >= 200 && *status < 300) {
    metrics_.spans_exported.add(spans_in(batch_));
    if (!reachable_) operator_log(LogLevel::info, "tracing: " + place_ + " takes spans again");
    reachable_ = true;
    batch_.clear();
    attempts_ = 0;
    return;
  }
  const std::string why = status ? "answers " + std::to_string(*status) : status.error().message;
  if (reachable_)
    operator_log(LogLevel::warning,
                 "tracing: " + place_ + ": " + why + "; requests go on without their spans");
  reachable_ = false;
  const bool worth_another = !status || is_passing(*status);
  if (worth_another && ++attempts_ < attempts_max) return;
  metrics_.spans_unsent.add(spans_in(batch_));
  batch_.clear();
  attempts_ = 0;
}

}  // namespace postern
