// The request path's share of this layer allocates nothing. Counts every allocation of this program.

#include <atomic>
#include <cstdlib>
#include <new>

#include "policy/decide.hpp"
#include "policy_text.hpp"

namespace {
std::atomic<std::size_t> allocations{0};
}

// All forms that a library may call, or a sanitizer finds one kind of memory freed as another.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}
void* operator new(std::size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}

namespace postern::policy {
namespace {

TEST_CASE("canonical forms, matching and deciding allocate nothing") {
  const auto policy = test::policy_of(R"(
  - {path: /**, authenticated: true}
  - {path: '/projects/{project}/**', host: '*.example.com', methods: [GET], permission: read, resource: 'project/{project}'}
  - {path: '/projects/{project}/files/@admin', any_of: [{permission: write}, {all_of: [{role: clerk}, {not: {group: banned}}]}]}
  - {path: '*', allow: anonymous}
)");
  Catalog catalog;
  Catalog::Entity read;
  read.id = "read";
  catalog.insert(EntityKind::permission, 1, read);
  const Binding binding = policy->bind(catalog);
  const Grant grant{1, "project/4 2"};
  Subject subject;
  subject.catalog = &catalog;
  subject.grants = {&grant, 1};

  char path_buffer[1024];
  char host_buffer[limits::host_bytes_max];
  CanonicalPath path;
  CanonicalHost host;
  int allowed = 0;

  const std::size_t before = allocations.load();
  for (const std::string_view raw :
       {"/projects/4%202/x", "/projects/%34/files/%40admin", "/other/%C3%A9", "/"}) {
    for (const std::string_view name : {"api.example.com:80", "[::1]", "other"}) {
      for (const std::string_view method : {"GET", "HEAD", "POST"}) {
        if (canonical_path(raw, path_buffer, path) != TargetError::none) continue;
        if (!canonical_host(name, host_buffer, host)) continue;
        const Match match = policy->match(host.name, path, method);
        allowed += decide(match, binding, Credential::valid, subject).verdict == Verdict::allow ? 1 : 0;
        allowed += decide(match, binding, Credential::absent, subject).verdict == Verdict::allow ? 1 : 0;
      }
    }
  }
  const Match asterisk = policy->match_asterisk("", "OPTIONS");
  const std::size_t after = allocations.load();

  CHECK(after == before);
  CHECK(asterisk.rule != nullptr);
  CHECK(allowed > 0);
}

TEST_CASE("the count of allocations counts") {
  const std::size_t before = allocations.load();
  const auto memory = std::make_unique<std::string>("longer than what fits a small string on any library");
  CHECK(allocations.load() >= before + 2);
  CHECK(memory->size() > 16);
}

}  // namespace
}  // namespace postern::policy
