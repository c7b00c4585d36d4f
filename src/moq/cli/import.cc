#include <unistd.h>

#include "moq/app/events.h"
#include "moq/cli/stage.h"
#include "moq/io/fd_stream.h"

namespace moq::cli {
namespace {

/// Read from stdin at once: a pipe holds this much.
constexpr std::size_t kReadBytes = std::size_t{64} << 10;

/// Announces the broadcast once it has a track: who finds it, finds a catalog.
Result<void> follow(Stage& stage, mux::Importer& importer) {
  while (auto event = importer.next_event()) {
    Stage::tell(*event);
    if (std::holds_alternative<mux::TrackBegan>(*event) && !stage.announcement) {
      MOQ_TRY(stage.announcement,
              stage.origin.announce(stage.options.broadcast, stage.broadcast.consume()));
      stage.tell_published();
    }
  }
  stage.progress = importer.progress();
  return {};
}

/// The next bytes of stdin; empty at its end, or once the program has to stop.
kio::Task<Result<Bytes>> read_some(Stage& stage, io::ByteSource& source) {
  auto read = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<Bytes>> {
    if (stage.stop.poll(waiter)) return Result<Bytes>(Bytes());
    return source.poll_read(waiter, kReadBytes);
  });
  co_return read;
}

/// All of stdin goes into the importer.
kio::Task<Result<void>> feed(Stage& stage, io::ByteSource& source, mux::Importer& importer) {
  for (;;) {
    auto data = co_await read_some(stage, source);
    if (!data) co_return std::unexpected(data.error().with_context("stdin"));
    if (data->empty()) co_return Result<void>();
    auto pushed = importer.push(*data);
    // What came before the error is published, and told.
    MOQ_CO_CHECK(follow(stage, importer));
    if (!pushed) co_return std::unexpected(pushed.error().with_context("stdin"));
  }
}

}  // namespace

kio::Task<Result<void>> import_media(Stage& stage) {
  MOQ_CO_TRY(auto source, io::FdSource::create(stage.loop, STDIN_FILENO));
  MOQ_CO_TRY(auto importer, mux::Importer::create(stage.broadcast, stage.loop.clock(),
                                                  stage.options.import_media));
  auto fed = co_await feed(stage, *source, importer);
  if (!fed) {
    std::move(importer).abort(fed.error());
    co_return fed;
  }
  auto finished = std::move(importer).finish();
  MOQ_CO_CHECK(follow(stage, importer));
  if (!finished && !stage.stop.raised()) {
    co_return std::unexpected(finished.error().with_context("stdin"));
  }
  app::Event("finished")
      .add("frames", stage.progress.frames)
      .add("bytes", stage.progress.bytes)
      .write(log::Level::info);
  // A short input may end before the first session: then it still has to be heard of.
  co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
    if (stage.connected.poll(waiter) || stage.stop.poll(waiter)) return kio::Unit{};
    return kio::kPending;
  });
  co_return Result<void>();
}

}  // namespace moq::cli
