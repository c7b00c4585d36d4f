#include <fmt/format.h>
#include <unistd.h>

#include "moq/app/events.h"
#include "moq/cli/stage.h"
#include "moq/hang/encoding.h"
#include "moq/io/fd_stream.h"

namespace moq::cli {
namespace {

using Frame = std::optional<std::pair<net::frame::Info, Bytes>>;
using Group = std::optional<net::group::Consumer>;

/// The group that was asked for; none once the program has to stop. `track` must be held as long as
/// the group is read.
kio::Task<Result<Group>> find_group(Stage& stage, const net::broadcast::Consumer& broadcast,
                                    std::optional<net::track::Consumer>& track) {
  const Options& options = stage.options;
  if (options.group) {
    net::track::Fetch fetch = broadcast.fetch(options.track, *options.group);
    auto found = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<Group>> {
      if (stage.stop.poll(waiter)) return Result<Group>(Group());
      auto polled = fetch.poll(waiter);
      if (polled.pending()) return kio::kPending;
      if (!*polled) return Result<Group>(std::unexpected(polled->error()));
      return Result<Group>(Group(**std::move(polled)));
    });
    co_return found;
  }
  track = broadcast.subscribe(options.track);
  auto found = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<Group>> {
    if (stage.stop.poll(waiter)) return Result<Group>(Group());
    return track->poll_next_group(waiter);
  });
  if (found && !*found && !stage.stop.raised()) {
    co_return fail(Code::not_found, "the track ended without a group");
  }
  co_return found;
}

/// One line for one frame, with the keys of the Rust program and the timestamp.
std::string to_json(std::uint64_t group, std::uint64_t frame, const net::frame::Info& info,
                    const Bytes& payload) {
  return fmt::format(
      "{{\"group\":{},\"frame\":{},\"size\":{},\"payload\":\"{}\",\"timestamp\":{}}}\n", group,
      frame, payload.size(), hang::to_base64(payload), info.timestamp);
}

}  // namespace

kio::Task<Result<void>> fetch(Stage& stage) {
  auto opened = io::FdSink::create(stage.loop, STDOUT_FILENO);
  if (!opened) co_return std::unexpected(opened.error().with_context("stdout"));
  const std::unique_ptr<io::ByteSink> sink = *std::move(opened);
  net::origin::Announced watch = stage.origin.consume().announced_exactly(stage.options.broadcast);
  auto broadcast = co_await find_broadcast(stage, watch);
  if (!broadcast) co_return Result<void>();
  std::optional<net::track::Consumer> track;
  auto group = co_await find_group(stage, *broadcast, track);
  if (!group) co_return std::unexpected(group.error().with_context(stage.options.track));
  if (!*group) co_return Result<void>();
  for (std::uint64_t index = 0;; ++index) {
    auto frame = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<Frame>> {
      if (stage.stop.poll(waiter)) return Result<Frame>(Frame());
      return (*group)->poll_read_frame(waiter);
    });
    if (!frame) co_return std::unexpected(frame.error().with_context(stage.options.track));
    if (!*frame) co_return Result<void>();
    const auto& [info, payload] = **frame;
    Bytes out = payload;
    if (stage.options.json) {
      out = Bytes::copy(to_json((*group)->sequence(), index, info, payload));
    }
    auto more = co_await write_out(stage, *sink, std::move(out));
    if (!more) co_return std::unexpected(more.error());
    if (!*more) co_return Result<void>();
  }
}

}  // namespace moq::cli
