#include "moq/io/resolver.h"

#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>

#include "moq/io/internal/os.h"

namespace moq::io {

using kio::kPending;
using kio::Poll;
using kio::Unit;
using kio::Waiter;
using transport::SocketAddress;

struct Resolver::State {
  explicit State(Lookup function) : lookup(std::move(function)) {}
  const Lookup lookup;
  std::mutex mutex;
  std::size_t running = 0;
  kio::WaiterList on_free;

  /// Ready once a thread may be started, which is then counted.
  Poll<Unit> poll_begin(const Waiter& waiter) {
    std::lock_guard lock(mutex);
    if (running == kMaxLookups) {
      on_free.add(waiter);
      return kPending;
    }
    ++running;
    return Unit{};
  }
  void end() {
    kio::WaiterList woken;
    {
      std::lock_guard lock(mutex);
      --running;
      woken = on_free.take();
    }
    woken.wake();
  }
};

namespace {

/// One lookup: shared by its thread and by the task that waits, whichever goes last.
struct Answer {
  std::mutex mutex;
  std::optional<Result<Addresses>> result;
  kio::WaiterList on_result;

  void set(Result<Addresses> value) {
    kio::WaiterList woken;
    {
      std::lock_guard lock(mutex);
      result = std::move(value);
      woken = on_result.take();
    }
    woken.wake();
  }
  Poll<Result<Addresses>> poll(const Waiter& waiter) {
    std::lock_guard lock(mutex);
    if (result) return *std::move(result);
    on_result.add(waiter);
    return kPending;
  }
};

std::optional<SocketAddress> parse_literal(std::string_view host, std::uint16_t port) {
  const bool bare_ip6 = host.find(':') != std::string_view::npos && !host.starts_with('[');
  const std::string text(host);
  Result<SocketAddress> address =
      SocketAddress::parse((bare_ip6 ? "[" + text + "]" : text) + ":" + std::to_string(port));
  return address ? std::optional(*address) : std::nullopt;
}

Error lookup_error(int status, const std::string& host) {
  if (status == EAI_SYSTEM) return internal::os_error(errno, "looking up '" + host + "'");
  const bool no_memory = status == EAI_MEMORY;
  return {no_memory ? Code::io : Code::name_not_found, "'" + host + "': " + ::gai_strerror(status)};
}

}  // namespace

Result<Addresses> system_lookup(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;  // One entry per address.
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* first = nullptr;
  const int status = ::getaddrinfo(host.c_str(), nullptr, &hints, &first);
  if (status != 0) return std::unexpected(lookup_error(status, host));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(first, &::freeaddrinfo);
  Addresses addresses;
  for (const addrinfo* info = first; info && addresses.size() < Resolver::kMaxAddresses;
       info = info->ai_next) {
    sockaddr_storage storage{};
    std::memcpy(&storage, info->ai_addr, std::min<std::size_t>(info->ai_addrlen, sizeof storage));
    SocketAddress address = internal::from_os(storage);
    address.port = port;
    if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
  }
  if (addresses.empty()) return fail(Code::name_not_found, "'" + host + "' has no address");
  return addresses;
}

Resolver::Resolver() : Resolver(system_lookup) {}
Resolver::Resolver(Lookup lookup) : state_(std::make_shared<State>(std::move(lookup))) {}

kio::Task<Result<Addresses>> Resolver::resolve(std::string host, std::uint16_t port) {
  if (const auto literal = parse_literal(host, port)) co_return Addresses(1, *literal);
  const std::shared_ptr<State> state = state_;
  co_await kio::wait([&state](const Waiter& waiter) { return state->poll_begin(waiter); });
  const auto answer = std::make_shared<Answer>();
  try {
    std::thread([state, answer, host, port] {
      answer->set(state->lookup(host, port));
      state->end();
    }).detach();
  } catch (const std::system_error& error) {
    state->end();
    co_return fail(Code::io, std::string("no thread to look up a name: ") + error.what());
  }
  Result<Addresses> result =
      co_await kio::wait([&answer](const Waiter& waiter) { return answer->poll(waiter); });
  co_return result;
}

}  // namespace moq::io
