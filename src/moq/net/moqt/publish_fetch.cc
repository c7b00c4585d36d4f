#include <algorithm>

#include "moq/base/log.h"
#include "moq/net/internal/group_writer.h"
#include "moq/net/moqt/internal/publisher.h"
#include "moq/net/moqt/limits.h"

namespace moq::net::moqt {
namespace {

constexpr std::string_view kLog = "net";
/// A FETCH may overtake the SUBSCRIBE that it joins.
constexpr Duration kMaxOvertaken = 1s;

/// FETCH_OK goes once all objects have arrived, or this long after they began to be sent. Rust
/// peers fail a fetch whose FETCH_OK comes before its objects, and one whose FETCH_OK does not name
/// the last object, which of a group that is still coming shows at its end.
constexpr Duration kAnswerPatience = 1s;

/// What precedes the objects of one group of a fetch, for a `GroupWriter`.
class FetchHeaders {
 public:
  FetchHeaders(FetchObjectWriter& writer, std::uint64_t group, const RangeJob& job, Draft draft)
      : writer_(writer), group_(group), job_(job), draft_(draft) {}
  Result<Bytes> encode(const group::Chunk& first) {
    Object object;
    object.group = group_;
    object.object = first.frame_index;
    object.priority = flip_priority(job_.info.priority);
    object.properties = object_properties(*first.begins, job_.info, draft_);
    object.payload_bytes = first.begins->size_bytes;
    return writer_.write(object);
  }

 private:
  FetchObjectWriter& writer_;
  std::uint64_t group_;
  const RangeJob& job_;
  Draft draft_;
};

std::unexpected<Error> refusal(RequestCode code, std::string text) {
  return std::unexpected(from_request_code(code, std::move(text)));
}

/// The code that a refusal was made with, or that fits its cause.
RequestCode code_of(const Error& error) {
  if (error.wire && from_request_code(RequestCode{*error.wire}, "").code == error.code) {
    return RequestCode{*error.wire};
  }
  return to_request_code(error);
}

/// Cuts `end` to what there is at `edge`. A group that is named as the last one is sent to its end,
/// though it may still grow.
Result<RangeEnd> cut_end(Location start, std::optional<RangeEnd> end,
                         const std::optional<track::Edge>& edge) {
  if (!edge) {
    if (!end) return refusal(RequestCode::invalid_range, "nothing is published yet");
    return *end;
  }
  const Location largest = *largest_of(edge);
  if (start > largest) return refusal(RequestCode::invalid_range, "beyond the largest object");
  if (!end || end->group > largest.group) return RangeEnd{largest.group, largest.object};
  return *end;
}

}  // namespace

kio::Task<Result<RangeJob>> Publisher::resolve(const Fetch& fetch) {
  using Out = Result<RangeJob>;
  const Parameters& wanted = fetch.parameters;
  if (!wanted.ranges.empty()) {
    co_return Out(refusal(RequestCode::not_supported, "range filters"));
  }
  std::optional<RangeJob> job;
  if (fetch.joining) {
    auto joined = co_await join(*fetch.joining);
    if (!joined) co_return Out(std::unexpected(joined.error()));
    job = *std::move(joined);
  } else {
    const LocationFilter& range = fetch.range;
    if (range.is_reversed()) {
      co_return Out(refusal(RequestCode::invalid_range, "the end is before the start"));
    }
    auto broadcast = find(fetch.track.track_namespace);
    if (!broadcast) co_return Out(std::unexpected(broadcast.error()));
    const track::InfoRequest asked = broadcast->info(fetch.track.name);
    auto info = co_await asked.result();
    if (!info) co_return Out(std::unexpected(info.error()));
    const auto edge = asked.edge();
    Location start = range.start;
    std::optional<RangeEnd> last = range.end;
    if (range.kind != LocationFilter::Kind::absolute) {
      start = {};
      last.reset();
    }
    if (range.kind == LocationFilter::Kind::next_object || !edge) {
      const bool fixed = range.kind == LocationFilter::Kind::absolute;
      if (!fixed) co_return Out(refusal(RequestCode::invalid_range, "nothing to fetch"));
    }
    if (range.kind == LocationFilter::Kind::relative) {
      start.group = edge->group + 1 - std::min(range.groups_back, edge->group + 1);
    }
    auto end = cut_end(start, last, edge);
    if (!end) co_return Out(std::unexpected(end.error()));
    job = RangeJob{.broadcast = *std::move(broadcast),
                   .track = fetch.track.name,
                   .start = start,
                   .end = *end,
                   .info = *info};
  }
  if (job->groups() > kMaxFetchGroups) {
    co_return Out(refusal(RequestCode::not_supported, "too many groups"));
  }
  job->request_id = fetch.request_id;
  job->order = wanted.group_order.value_or(GroupOrder::ascending);
  job->priority = flip_priority(wanted.priority.value_or(kDefaultPriority));
  co_return Out(*std::move(job));
}

kio::Task<Result<RangeJob>> Publisher::join(const JoiningFetch& joining) {
  using Out = Result<RangeJob>;
  kio::Timer overtaken(connection_.clock());
  overtaken.set_after(kMaxOvertaken);
  std::shared_ptr<Joinable> subscription;
  const bool there = co_await kio::wait([&](const Waiter& waiter) -> Poll<bool> {
    if (!subscription) {
      const auto known = subscriptions_.find(joining.subscription);
      if (known == subscriptions_.end()) {
        on_subscription_.add(waiter);
        if (overtaken.poll(waiter)) return false;
        return kio::kPending;
      }
      subscription = known->second;
    }
    if (subscription->over) return false;
    if (subscription->started) return true;
    subscription->on_change.add(waiter);
    return kio::kPending;
  });
  if (!there || !subscription->from_next_object) {
    co_return Out(refusal(RequestCode::invalid_joining_request, "no subscription to join"));
  }
  const auto& edge = subscription->edge;
  if (!edge) co_return Out(refusal(RequestCode::invalid_range, "nothing is published yet"));
  std::uint64_t start = joining.start;
  if (joining.relative) start = edge->group - std::min(joining.start, edge->group);
  if (start > edge->group) {
    co_return Out(refusal(RequestCode::invalid_range, "beyond the largest object"));
  }
  const Location largest = *largest_of(edge);
  RangeJob job{.broadcast = subscription->broadcast->clone(),
               .track = subscription->track,
               .start = {start, 0},
               .end = {largest.group, largest.object},
               .info = subscription->info};
  co_return Out(std::move(job));
}

kio::Task<Result<void>> Publisher::send_range(const RangeJob& job, transport::SendStream& stream,
                                              std::optional<group::Consumer> first) {
  const Draft draft = connection_.draft();
  stream.set_priority(job.priority);
  Writer header = writer_of(draft);
  FetchHeader{.request_id = job.request_id}.write(header);
  stream.write(header.take());
  if (job.groups() > kMaxFetchGroups) co_return fail(Code::unsupported, "too many groups");

  FetchObjectWriter objects(job.order, draft);
  const bool ascending = job.order == GroupOrder::ascending;
  for (std::uint64_t i = 0; i < job.groups(); ++i) {
    const std::uint64_t sequence = ascending ? job.start.group + i : job.end.group - i;
    std::optional<group::Consumer> group = std::exchange(first, std::nullopt);
    if (!group) {
      track::Fetch asked = job.broadcast.fetch(job.track, sequence, job.priority);
      auto answer = co_await asked.result();
      if (!answer) co_return std::unexpected(answer.error());
      group = *std::move(answer);
    }
    const std::uint64_t start = sequence == job.start.group ? job.start.object : 0;
    group->start_at(static_cast<std::size_t>(std::min<std::uint64_t>(start, SIZE_MAX)));
    GroupWriter writer(stream, *std::move(group), FetchHeaders(objects, sequence, job, draft),
                       sequence == job.end.group ? job.end.object : std::nullopt);
    auto written =
        co_await kio::wait([&writer](const Waiter& waiter) { return writer.poll_write(waiter); });
    if (!written) co_return std::unexpected(written.error());
  }
  stream.finish();
  co_return co_await stream.finished();
}

kio::Task<void> Publisher::answer_fetch(IncomingRequest& request) {
  auto job = co_await resolve(request.as<Fetch>());
  if (!job) {
    request.reject(code_of(job.error()), job.error().text);
    co_return;
  }
  const std::uint64_t sequence =
      job->order == GroupOrder::ascending ? job->start.group : job->end.group;
  track::Fetch asked = job->broadcast.fetch(job->track, sequence, job->priority);
  auto first = co_await asked.result();
  if (!first) {
    request.reject(first.error());
    co_return;
  }
  const group::Consumer whole = first->clone();
  const auto accept = [&] {
    FetchOk ok;
    ok.end = job->end;
    const bool ends_with_it = !ok.end.object && sequence == job->end.group;
    if (ends_with_it && whole.finished() && whole.frames() > 0) {
      ok.end.object = whole.frames() - 1;
    }
    ok.track = track_properties(job->info);
    request.reply(std::move(ok));
  };
  auto opened = co_await connection_.transport().open_uni();
  if (!opened) co_return;
  transport::SendStream& stream = **opened;
  std::optional<group::Consumer> begin(*std::move(first));
  kio::Spawned<Result<void>> sending =
      connection_.runtime().executor.spawn(send_range(*job, stream, std::move(begin)));
  kio::Timer patience(connection_.clock());
  patience.set_after(kAnswerPatience);
  bool accepted = false;
  auto sent = co_await kio::wait([&](const Waiter& waiter) -> Poll<Result<void>> {
    if (auto over = sending.poll_join(waiter)) return over;
    if (!accepted && patience.poll(waiter)) {
      accepted = true;
      accept();
    }
    return kio::kPending;
  });
  if (!sent) {
    MOQ_LOG(debug, kLog, "{}: fetch {} broke off: {}", describe(connection_), request.id(),
            sent.error().describe());
    stream.reset(to_reset_code(sent.error(), connection_.draft()));
    if (!accepted) {
      request.reject(sent.error());
      co_return;
    }
  }
  if (!accepted) accept();
  request.finish();
}

kio::Task<void> Publisher::serve_fetch(IncomingRequest request) {
  kio::Spawned<void> answer = connection_.runtime().executor.spawn(answer_fetch(request));
  co_await kio::wait([&](const Waiter& waiter) -> Poll<kio::Unit> {
    if (answer.poll_join(waiter)) return kio::Unit{};
    while (auto update = request.poll_update(waiter)) {
      if (!*update) return kio::Unit{};
      // What is on its way goes on as it was asked for.
      request.accept_update(**update);
    }
    return kio::kPending;
  });
}

}  // namespace moq::net::moqt
