#include <unistd.h>

#include "moq/app/events.h"
#include "moq/cli/stage.h"
#include "moq/io/fd_stream.h"

namespace moq::cli {
namespace {

using Piece = std::optional<Bytes>;

/// A broadcast that left without an end may come back for this long: above the longest backoff of a
/// publisher that lost its relay.
constexpr Duration kAbsence = 30s;

/// Follows one broadcast name over sessions and over publishers, and writes what comes.
class Export {
 public:
  explicit Export(Stage& stage)
      : stage_(stage),
        watch_(stage.origin.consume().announced_exactly(stage.options.broadcast)),
        linger_(stage.loop.clock()),
        absence_(stage.loop.clock()),
        patience_(stage.loop.clock()) {}

  kio::Task<Result<void>> run() {
    auto opened = io::FdSink::create(stage_.loop, STDOUT_FILENO);
    if (!opened) co_return std::unexpected(opened.error().with_context("stdout"));
    const std::unique_ptr<io::ByteSink> sink = *std::move(opened);
    auto first = co_await find_broadcast(stage_, watch_);
    if (!first) co_return Result<void>();
    current_ = first->clone();
    exporter_.emplace(stage_.loop.clock(), *std::move(first), stage_.options.export_media);
    patience_.set_after(kPatience);
    for (;;) {
      auto piece =
          co_await kio::wait([this](const kio::Waiter& waiter) { return poll_next(waiter); });
      if (!piece) co_return std::unexpected(piece.error());
      if (!*piece) break;
      auto more = co_await write_out(stage_, *sink, **std::move(piece));
      if (!more) co_return std::unexpected(more.error());
      if (!*more) break;
    }
    app::Event("finished")
        .add("frames", stage_.progress.frames)
        .add("bytes", stage_.progress.bytes)
        .write(log::Level::info);
    co_return Result<void>();
  }

 private:
  /// The next bytes for stdout; none at the end.
  kio::Poll<Result<Piece>> poll_next(const kio::Waiter& waiter) {
    if (stage_.stop.poll(waiter)) return Result<Piece>(Piece());
    // First what is announced: a broadcast that started over ends the one that is being read.
    while (auto update = watch_.poll_next(waiter)) take(*std::move(update));
    if (!ended_) {
      auto polled = exporter_->poll_next(waiter);
      follow();
      if (patience_.poll(waiter)) {
        patience_.clear();
        tell_waiting(
            stage_, "media",
            "no key frame came yet, or the catalog lists no track that fits: see fetch " +
                std::string(hang::catalog_track_name(stage_.options.export_media.catalog_format)));
      }
      if (polled.pending()) return poll_absence(waiter);
      if (*polled && **polled) return polled;
      ended_ = *std::move(polled);
      linger_.set_after(stage_.options.linger.value_or(Duration::zero()));
    }
    if (linger_.poll(waiter)) return *ended_;
    return kio::kPending;
  }

  /// Fails once the broadcast has been gone for too long. Without a session nobody knows.
  kio::Poll<Result<Piece>> poll_absence(const kio::Waiter& waiter) {
    while (absence_.poll(waiter)) {
      if (stage_.session.status == native::Status::connected) {
        return Result<Piece>(fail(Code::not_found, "the publisher has left without an end"));
      }
      absence_.set_after(kPatience);
    }
    return kio::kPending;
  }

  void take(net::origin::Update update) {
    tell_announced(update);
    if (update.broadcast) {
      absence_.clear();
    } else {
      absence_.set_after(stage_.options.linger.value_or(kAbsence));
    }
    if (!update.broadcast || update.broadcast->same_broadcast(*current_)) return;
    current_ = update.broadcast->clone();
    exporter_->replace(*std::move(update.broadcast));
    ended_.reset();
    linger_.clear();
  }

  /// Tells what the exporter did.
  void follow() {
    while (auto event = exporter_->next_event()) Stage::tell(*event);
    stage_.progress = exporter_->progress();
    if (stage_.progress.frames > 0) patience_.clear();
  }

  Stage& stage_;
  net::origin::Announced watch_;
  std::optional<net::broadcast::Consumer> current_;
  std::optional<mux::Exporter> exporter_;
  std::optional<Result<Piece>> ended_;  ///< The exporter's last word.
  kio::Timer linger_;
  kio::Timer absence_;   ///< Set while the broadcast is not announced.
  kio::Timer patience_;  ///< Set until the first frame, or until somebody was told.
};

}  // namespace

kio::Task<Result<void>> export_media(Stage& stage) {
  Export self(stage);
  auto result = co_await self.run();
  co_return result;
}

}  // namespace moq::cli
