#include <unistd.h>

#include <algorithm>
#include <array>

#include "moq/app/events.h"
#include "moq/cli/stage.h"
#include "moq/io/fd_stream.h"

namespace moq::cli {
namespace {

/// Read from stdin at once: a pipe holds this much.
constexpr std::size_t kReadBytes = std::size_t{64} << 10;
/// How long a broadcast is there at least: some round trips through several relays.
constexpr Duration kLastCall = 2s;

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

using Format = mux::Importer::Format;

/// A format for people, and as the command line names it.
struct FormatName {
  Format format;
  std::string_view what;
  std::string_view word;
};
constexpr std::array<FormatName, 5> kFormatNames = {{{Format::fmp4, "MP4", "fmp4"},
                                                     {Format::avc3, "H.264 Annex-B", "avc3"},
                                                     {Format::ts, "an MPEG transport stream", "ts"},
                                                     {Format::flv, "FLV", "flv"},
                                                     {Format::mkv, "Matroska or WebM", "mkv"}}};

/// What the first bytes plainly are.
std::optional<Format> guess_format(ByteSpan first) {
  constexpr std::size_t kTsPacket = 188;
  if (first.size() < 8) return std::nullopt;
  const std::string_view type = as_text(first.subspan(4, 4));
  if (type == "ftyp" || type == "styp" || type == "moov" || type == "moof") return Format::fmp4;
  if (as_text(first.first(4)) == "\x1a\x45\xdf\xa3") return Format::mkv;
  if (as_text(first.first(4)) == std::string_view("FLV\1")) return Format::flv;
  if (first.size() > kTsPacket && first[0] == 'G' && first[kTsPacket] == 'G') return Format::ts;
  const bool start_code =
      first[0] == 0 && first[1] == 0 && (first[2] == 1 || (first[2] == 0 && first[3] == 1));
  return start_code ? std::optional(Format::avc3) : std::nullopt;
}

/// Tells one format that is plainly another from broken media.
Result<void> check_format(ByteSpan first, Format format) {
  const std::optional<Format> guess = guess_format(first);
  if (!guess || *guess == format) return {};
  const auto name_of = [](Format which) {
    return *std::ranges::find(kFormatNames, which, &FormatName::format);
  };
  return fail(Code::decode, fmt::format("this is {}, not {}: say import {}", name_of(*guess).what,
                                        name_of(format).what, name_of(*guess).word));
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
  bool first = true;
  for (;;) {
    auto data = co_await read_some(stage, source);
    if (!data) co_return std::unexpected(data.error().with_context("stdin"));
    if (data->empty() && first && !stage.stop.raised()) {
      co_return fail(Code::decode, "stdin: nothing came, so there is nothing to publish");
    }
    if (data->empty()) co_return Result<void>();
    Result<void> pushed;
    if (std::exchange(first, false)) {
      pushed = check_format(data->span(), stage.options.import_media.format);
    }
    if (pushed) pushed = importer.push(*data);
    // What came before the error is published, and told.
    MOQ_CO_CHECK(follow(stage, importer));
    if (!pushed) co_return std::unexpected(pushed.error().with_context("stdin"));
  }
}

/// A short input may end before the first session, or before those who wait for the broadcast have
/// found it and asked for it: they need a moment.
kio::Task<void> last_call(Stage& stage) {
  kio::Timer over(stage.loop.clock());
  co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
    if (stage.stop.poll(waiter)) return kio::Unit{};
    if (stage.published.poll(waiter).pending()) return kio::kPending;
    over.set(stage.published_at + kLastCall);
    return over.poll(waiter);
  });
}

}  // namespace

kio::Task<Result<void>> import_media(Stage& stage) {
  auto opened = io::FdSource::create(stage.loop, STDIN_FILENO);
  if (!opened) co_return std::unexpected(opened.error().with_context("stdin"));
  const std::unique_ptr<io::ByteSource> source = *std::move(opened);
  MOQ_CO_TRY(auto importer, mux::Importer::create(stage.broadcast, stage.loop.clock(),
                                                  stage.options.import_media));
  auto fed = co_await feed(stage, *source, importer);
  if (!fed) {
    std::move(importer).abort(fed.error());
    co_return fed;
  }
  auto finished = std::move(importer).finish();
  MOQ_CO_CHECK(follow(stage, importer));
  // A signal cuts the input where it stands.
  if (stage.stop.raised()) finished = Result<void>();
  if (!finished) finished = std::unexpected(finished.error().with_context("stdin"));
  if (!finished && !stage.announcement) co_return finished;
  app::Event("finished")
      .add("frames", stage.progress.frames)
      .add("bytes", stage.progress.bytes)
      .write(log::Level::info);
  co_await last_call(stage);
  co_return finished;
}

}  // namespace moq::cli
