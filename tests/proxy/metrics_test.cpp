// Buckets, and the text that Prometheus reads.

#include "proxy/metrics.hpp"

#include <doctest/doctest.h>
#include <memory>
#include <sstream>

using namespace postern;
using namespace std::chrono_literals;

namespace {

/// The bucket one duration falls into.
std::size_t bucket_of(std::chrono::microseconds duration) {
  DurationHistogram histogram;
  histogram.add(duration);
  std::size_t found = DurationHistogram::bucket_count;
  for (std::size_t i = 0; i < DurationHistogram::bucket_count; ++i)
    if (histogram.buckets[i].get() == 1) found = i;
  return found;
}

bool has_line(const std::string& text, const std::string& line) {
  return text.find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("a bucket holds what is at most its bound") {
  CHECK(bucket_of(-5us) == 0);
  CHECK(bucket_of(0us) == 0);
  CHECK(bucket_of(1us) == 0);
  CHECK(bucket_of(64us) == 0);
  CHECK(bucket_of(65us) == 1);
  CHECK(bucket_of(128us) == 1);
  CHECK(bucket_of(129us) == 2);
  for (std::size_t i = 0; i + 1 < DurationHistogram::bucket_count; ++i) {
    const std::chrono::microseconds bound(DurationHistogram::bound(i));
    CAPTURE(i);
    CHECK(bucket_of(bound) == i);
    CHECK(bucket_of(bound + 1us) == i + 1);
  }
  CHECK(bucket_of(24h) == DurationHistogram::bucket_count - 1);
  CHECK(bucket_of(std::chrono::microseconds::max()) == DurationHistogram::bucket_count - 1);
}

TEST_CASE("the histogram is cumulative over all shards and ends in +Inf") {
  const auto one = std::make_unique<ShardMetrics>();
  const auto two = std::make_unique<ShardMetrics>();
  const ProcessMetrics process;
  one->duration.add(50us);
  two->duration.add(100us);
  two->duration.add(1h);
  const ShardMetrics* const shards[] = {one.get(), two.get()};
  const std::string text = render_metrics(shards, process);
  CHECK(has_line(text, "postern_request_duration_seconds_bucket{le=\"0.000064\"} 1"));
  CHECK(has_line(text, "postern_request_duration_seconds_bucket{le=\"0.000128\"} 2"));
  CHECK(has_line(text, "postern_request_duration_seconds_bucket{le=\"16.777216\"} 2"));
  CHECK(has_line(text, "postern_request_duration_seconds_bucket{le=\"+Inf\"} 3"));
  CHECK(has_line(text, "postern_request_duration_seconds_sum 3600.000150"));
  CHECK(has_line(text, "postern_request_duration_seconds_count 3"));
}

TEST_CASE("counters are added up, and their labels are words") {
  const auto one = std::make_unique<ShardMetrics>();
  const auto two = std::make_unique<ShardMetrics>();
  ProcessMetrics process;
  one->requests_by_status[200].add(3);
  two->requests_by_status[200].add(4);
  two->requests_by_status[0].add();
  one->requests_by_status[599].add();
  one->decisions_by_reason[static_cast<std::size_t>(policy::Reason::no_rule)].add();
  one->shadow_denials_by_reason[static_cast<std::size_t>(policy::Reason::missing_role)].add();
  two->lookups_by_state[static_cast<std::size_t>(store::TokenState::expired)].add(2);
  one->connections_open.add(5);
  one->connections_open.subtract(2);
  process.reloads.add();
  const ShardMetrics* const shards[] = {one.get(), two.get()};
  const std::string text = render_metrics(shards, process);
  CHECK(has_line(text, "postern_requests_total{status=\"200\"} 7"));
  CHECK(has_line(text, "postern_requests_total{status=\"0\"} 1"));
  CHECK(has_line(text, "postern_requests_total{status=\"599\"} 1"));
  CHECK(has_line(text, "postern_decisions_total{reason=\"no_rule\"} 1"));
  CHECK(has_line(text, "postern_shadow_denials_total{reason=\"missing_role\"} 1"));
  CHECK(has_line(text, "postern_token_lookups_total{state=\"expired\"} 2"));
  CHECK(has_line(text, "postern_client_connections 3"));
}

TEST_CASE("the exposition is well-formed: each family once, with help and type before its samples") {
  const auto shard = std::make_unique<ShardMetrics>();
  const ProcessMetrics process;
  shard->requests_by_status[404].add();
  const ShardMetrics* const shards[] = {shard.get()};
  std::istringstream lines(render_metrics(shards, process));
  std::string line;
  std::string family;
  std::string seen = " ";
  bool typed = false;
  while (std::getline(lines, line)) {
    CAPTURE(line);
    if (line.rfind("# HELP ", 0) == 0) {
      family = line.substr(7, line.find(' ', 7) - 7);
      CHECK(seen.find(" " + family + " ") == std::string::npos);
      seen += family + " ";
      typed = false;
    } else if (line.rfind("# TYPE ", 0) == 0) {
      CHECK(line.rfind("# TYPE " + family + " ", 0) == 0);
      typed = true;
    } else {
      CHECK(typed);
      CHECK(line.rfind(family, 0) == 0);
      CHECK(line.find_first_not_of("0123456789.", line.rfind(' ') + 1) == std::string::npos);
    }
  }
  CHECK(seen.size() > 200);
}

TEST_CASE("every reason and every state has a counter of its own") {
  const ShardMetrics metrics;
  CHECK(metrics.decisions_by_reason.size() > static_cast<std::size_t>(policy::Reason::granted));
  CHECK(metrics.lookups_by_state.size() > static_cast<std::size_t>(store::TokenState::store_broken));
}
