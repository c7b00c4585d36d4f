#include "moq/net/lite/internal/publisher.h"

#include <algorithm>

#include "moq/base/log.h"
#include "moq/net/internal/group_writer.h"
#include "moq/net/lite/group.h"

namespace moq::net::lite {
namespace {
constexpr std::string_view kLog = "net";
}  // namespace

Result<broadcast::Consumer> Publisher::find(const Path& path) const {
  const auto& origin = connection_.options().publish;
  if (origin) {
    if (auto broadcast = origin->find(path, exclude())) return *std::move(broadcast);
  }
  if (announces(path)) return fail(Code::unroutable, "no way to '" + path.text() + "' now");
  return fail(Code::not_found, "no broadcast '" + path.text() + "'");
}

Exclude Publisher::exclude() const {
  const std::uint64_t hop = exclude_hop_ != 0 ? exclude_hop_ : connection_.peer_setup().hop;
  return {hop, connection_.source()};
}

void Publisher::refuse(Bidi& stream, const Error& error, std::string_view what) const {
  MOQ_LOG(debug, kLog, "{}: {} refused: {}", describe(connection_), what, error.describe());
  stream.send->reset(to_code(error, Scope::stream));
}

kio::Task<void> Publisher::serve_track(Bidi stream) {
  auto message = co_await stream.reader.message<Track>();
  if (!message || !*message) {
    refuse(stream, message ? Error(Code::cancelled) : message.error(), "TRACK");
    co_return;
  }
  co_await connection_.peer_ready();
  const auto broadcast = find((*message)->broadcast);
  if (!broadcast) {
    refuse(stream, broadcast.error(), "TRACK");
    co_return;
  }
  const track::InfoRequest request = broadcast->info((*message)->track);
  // Whoever asks keeps its half open: its end, or more bytes, ends the wait.
  auto info = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<track::Info>> {
    if (auto known = request.poll(waiter)) return known;
    auto end = stream.reader.poll_end(waiter);
    if (end.pending()) return kio::kPending;
    return Result<track::Info>(
        std::unexpected(end->has_value() ? Error(Code::cancelled) : end->error()));
  });
  if (!info) {
    refuse(stream, info.error(), "TRACK");
    co_return;
  }
  TrackInfo answer;
  answer.priority = info->priority;
  answer.max_age = info->max_age;
  answer.timescale = info->timescale;
  stream.send->write(encode_message(answer, connection_.version()));
  stream.send->finish();
  (void)co_await stream.send->finished();
}

kio::Task<void> Publisher::serve_fetch(Bidi stream) {
  auto message = co_await stream.reader.message<Fetch>();
  if (!message || !*message) {
    refuse(stream, message ? Error(Code::cancelled) : message.error(), "FETCH");
    co_return;
  }
  const Fetch& fetch = **message;
  co_await connection_.peer_ready();
  const auto broadcast = find(fetch.broadcast);
  if (!broadcast) {
    refuse(stream, broadcast.error(), "FETCH");
    co_return;
  }
  track::Fetch request = broadcast->fetch(fetch.track, fetch.group, fetch.priority);
  auto group =
      co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<group::Consumer>> {
        if (auto answer = request.poll(waiter)) return answer;
        auto end = stream.reader.poll_end(waiter);
        if (end.pending()) return kio::kPending;
        return Result<group::Consumer>(
            std::unexpected(end->has_value() ? Error(Code::cancelled) : end->error()));
      });
  if (!group) {
    refuse(stream, group.error(), "FETCH");
    co_return;
  }
  stream.send->set_priority(fetch.priority);
  group->start_at(static_cast<std::size_t>(std::min<std::uint64_t>(fetch.frame_start, SIZE_MAX)));
  GroupWriter writer(*stream.send, *std::move(group), FrameHeaders(connection_.version()),
                     fetch.frame_end);
  auto written = co_await kio::wait(
      [&](const kio::Waiter& waiter) { return writer.poll_write(waiter, stream.reader); });
  if (!written) {
    refuse(stream, written.error(), "FETCH");
    co_return;
  }
  stream.send->finish();
  (void)co_await stream.send->finished();
}

}  // namespace moq::net::lite
