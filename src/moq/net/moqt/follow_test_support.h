#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moq/net/moqt/scripted_test_support.h"

/// A session of ours that reads, against a publisher by hand. For tests alone.
namespace moq::net::moqt {

/// The alias under which the peer sends.
inline constexpr std::uint64_t kAlias = 5;

/// An object that a test sends.
struct Sent {
  std::uint64_t id = 0;
  std::string payload;
  ObjectStatus status = ObjectStatus::normal;
  std::optional<std::uint64_t> timestamp;
};

/// A session of ours that reads "live/cam", and its publisher.
struct Follow {
  explicit Follow(Draft draft, std::uint64_t seed = sim::kDefaultSeed) : stage(draft, false, seed) {
    stage.subscribes = true;
    stage.start();
    wish = namespace_request();
    peer().say(wish, RequestOk{});
  }

  Peer& peer() { return *stage.peer; }
  [[nodiscard]] Draft draft() const { return stage.draft; }
  void pass(Duration time = 50ms) { stage.world.run_for(time); }

  /// Our SUBSCRIBE_NAMESPACE, which in 16 alone has a stream.
  Peer::Asked namespace_request() {
    if (draft() != Draft::d16) return peer().next_request();
    Peer::Asked asked;
    auto stream = *run_until_ready(
        stage.world, [&](const Waiter& waiter) { return peer().raw->poll_accept_bidi(waiter); });
    asked.send = std::move(stream.send);
    asked.reader.emplace(std::move(stream.recv), draft());
    asked.message = **run_until_ready(
        stage.world, [&](const Waiter& waiter) { return asked.reader->poll_message(waiter); });
    asked.id = request_id_of(asked.message);
    return asked;
  }
  /// The next message of its kind on the control stream.
  template <typename M>
  M next_control_as() {
    for (;;) {
      Message message = peer().next_control();
      if (auto* body = std::get_if<M>(&message)) return std::move(*body);
    }
  }
  /// Tells of a namespace as the draft lists them.
  void announce(std::vector<std::string> fields = {"live", "cam"}) {
    if (has_namespace_messages(draft())) {
      peer().say(wish, Namespace{{std::move(fields)}});
    } else {
      offers.push_back(offer(std::move(fields)));
    }
    pass();
  }
  Peer::Asked offer(std::vector<std::string> fields) {
    PublishNamespace message;
    message.track_namespace.fields = std::move(fields);
    return peer().ask(std::move(message));
  }
  [[nodiscard]] bool has(std::string_view path) {
    return stage.subscribed.consume().find(Path::of(path)).has_value();
  }
  track::Consumer read(const track::Subscription& wanted = {.priority = 127, .max_age = 5s}) {
    auto found = stage.subscribed.consume().find(Path::of("live/cam"));
    MOQ_ASSERT(found.has_value());
    return found->subscribe("video", wanted);
  }
  /// Announces, subscribes, and accepts that.
  track::Consumer subscribed(std::optional<Location> largest = std::nullopt,
                             const track::Subscription& wanted = {.priority = 127, .max_age = 5s}) {
    announce();
    track::Consumer reader = read(wanted);
    subscription = peer().next_request();
    accept(largest);
    return reader;
  }
  void accept(std::optional<Location> largest = std::nullopt) {
    SubscribeOk ok;
    ok.track_alias = kAlias;
    ok.parameters.largest = largest;
    if (has_track_properties(draft())) ok.track.timescale = 1000;
    peer().say(*subscription, ok);
    pass();
  }

  /// Writes these objects, each of them `like` that one but for what it has of its own.
  template <typename ObjectWriter>
  void write_objects(transport::SendStream& stream, ObjectWriter& writer, const Object& like,
                     const std::vector<Sent>& objects) {
    for (const Sent& each : objects) {
      Object object = like;
      object.object = each.id;
      object.status = each.status;
      object.properties.timestamp = each.timestamp;
      object.payload_bytes = each.payload.size();
      auto head = writer.write(object);
      EXPECT_TRUE(head) << head.error().describe();
      stream.write(*head);
      if (!each.payload.empty()) stream.write(Bytes::copy(each.payload));
    }
    pass();
  }
  /// A subgroup stream with these objects; the test ends it.
  std::unique_ptr<transport::SendStream> subgroup(SubgroupHeader header,
                                                  const std::vector<Sent>& objects) {
    header.track_alias = kAlias;
    if (!header.priority) header.priority = 128;
    header.has_properties = true;
    auto stream = peer().open_uni();
    Writer out = writer_of(draft());
    header.write(out, draft());
    stream->write(out.take());
    SubgroupObjectWriter writer(header, draft());
    write_objects(*stream, writer, {.group = header.group}, objects);
    return stream;
  }
  /// A whole group.
  void group(std::uint64_t sequence, const std::vector<Sent>& objects) {
    auto stream =
        subgroup({.group = sequence, .end_of_group = true, .first_object = true}, objects);
    stream->finish();
    pass();
  }
  /// A stream of a fetch or fill with these objects of one group.
  std::unique_ptr<transport::SendStream> fetched(std::uint64_t request, std::uint64_t group,
                                                 const std::vector<Sent>& objects) {
    auto stream = peer().open_uni();
    Writer out = writer_of(draft());
    FetchHeader{.request_id = request}.write(out);
    stream->write(out.take());
    FetchObjectWriter writer(GroupOrder::ascending, draft());
    write_objects(*stream, writer, {.group = group, .priority = 128}, objects);
    return stream;
  }
  /// The head of the running group, however this draft asks for it.
  void head(std::uint64_t group, const std::vector<Sent>& objects) {
    std::uint64_t request = subscription->id;
    if (!has_fill(draft())) {
      joining = peer().next_request();
      const auto* fetch = std::get_if<Fetch>(&joining->message);
      ASSERT_NE(fetch, nullptr);
      EXPECT_EQ(fetch->joining, (JoiningFetch{.subscription = request, .relative = true}));
      request = joining->id;
      FetchOk ok;
      ok.end = {.group = group, .object = objects.back().id};
      peer().say(*joining, ok);
    }
    fetched(request, group, objects)->finish();
    pass();
  }
  /// No head is to be had.
  void refuse_head() {
    if (has_fill(draft())) {
      auto stream = fetched(subscription->id, 0, {});
      stream->reset(1);
    } else {
      joining = peer().next_request();
      RequestError refusal;
      refusal.code = RequestCode::not_supported;
      peer().say(*joining, refusal);
    }
    pass();
  }

  /// What has come since: "7(a@1,b@2)" for a whole group, "7(a@1" for one that goes on, "7(!old"
  /// for one that failed.
  std::string seen(track::Consumer& reader) {
    while (auto next = reader.poll_next_group(Waiter::none())) {
      if (!*next) {
        over = (*next).error().describe();
        break;
      }
      if (!**next) {
        over = "end";
        break;
      }
      groups.push_back(***std::move(next));
      texts.push_back(std::to_string(groups.back().sequence()) + "(");
    }
    for (std::size_t i = 0; i < groups.size(); ++i) {
      std::string& text = texts[i];
      if (text.ends_with(")") || text.find('!') != std::string::npos) continue;
      while (auto frame = groups[i].poll_read_frame(Waiter::none())) {
        if (!*frame) {
          text += "!" + std::string(to_string((*frame).error().code));
          break;
        }
        if (!**frame) {
          text += ")";
          break;
        }
        if (!text.ends_with("(")) text += ",";
        text += (***frame).second.text();
        if (timestamps) text += "@" + std::to_string((***frame).first.timestamp);
      }
    }
    std::string all;
    for (const std::string& text : texts) all += (all.empty() ? "" : " ") + text;
    return all;
  }

  Stage stage;
  Peer::Asked wish;
  std::vector<Peer::Asked> offers;
  std::optional<Peer::Asked> subscription;
  std::optional<Peer::Asked> joining;
  std::vector<group::Consumer> groups;
  std::vector<std::string> texts;
  std::string over;
  bool timestamps = false;
};

}  // namespace moq::net::moqt
