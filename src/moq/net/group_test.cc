#include "moq/net/group.h"

#include "moq/net/broadcast.h"
#include "moq/net/model_test_support.h"

namespace moq::net {
namespace {

using kio::Waiter;

/// One track with one group being written.
struct Stage {
  Stage() : Stage(track::Info{}) {}
  explicit Stage(const track::Info& info)
      : track(*broadcast.create_track("video", info)), group(*track.create_group(7)) {}
  broadcast::Producer broadcast;
  track::Producer track;
  group::Producer group;
};

Bytes text(std::string_view value) { return Bytes::copy(value); }

TEST(Group, FramesAreReadInOrderAndTheEndIsClean) {
  Stage stage;
  group::Consumer reader = stage.group.consume();
  ASSERT_TRUE(stage.group.write_frame(10, text("one")));
  ASSERT_TRUE(stage.group.write_frame(20, text("")));
  std::move(stage.group).finish();

  auto first = now(reader.poll_read_frame(Waiter::none()));
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->first, (frame::Info{.timestamp = 10, .size_bytes = 3}));
  EXPECT_EQ((*first)->second.text(), "one");
  auto second = now(reader.poll_read_frame(Waiter::none()));
  EXPECT_EQ((*second)->first.timestamp, 20U);
  EXPECT_TRUE((*second)->second.empty());
  EXPECT_EQ(now(reader.poll_read_frame(Waiter::none()))->has_value(), false);
  EXPECT_TRUE(reader.finished());
  EXPECT_EQ(reader.sequence(), 7U);
  EXPECT_EQ(reader.first_timestamp(), 10U);
}

TEST(Group, PartsAreReadWhileTheFrameGrows) {
  Stage stage;
  group::Consumer reader = stage.group.consume();
  auto frame = stage.group.create_frame({.timestamp = 5, .size_bytes = 6});
  ASSERT_TRUE(frame);
  auto growing = now(reader.poll_next_frame(Waiter::none()));
  ASSERT_TRUE(growing && *growing);
  frame::Consumer& parts = **growing;
  EXPECT_EQ(parts.info().size_bytes, 6U);
  EXPECT_TRUE(parts.poll_read(Waiter::none()).pending());

  ASSERT_TRUE(frame->write(text("abc")));
  EXPECT_EQ(now(parts.poll_read(Waiter::none()))->text(), "abc");
  EXPECT_TRUE(parts.poll_read(Waiter::none()).pending());
  EXPECT_TRUE(parts.poll_read_all(Waiter::none()).pending());
  EXPECT_EQ(frame->remaining(), 3U);
  ASSERT_TRUE(frame->write(text("def")));
  EXPECT_EQ(now(parts.poll_read_all(Waiter::none()))->text(), "def");
  EXPECT_TRUE(now(parts.poll_read(Waiter::none()))->empty());
  EXPECT_TRUE(std::move(*frame).finish());
}

TEST(Group, WholeFrameOfPartsIsJoinedAndOneOfOnePartIsNotCopied) {
  Stage stage;
  group::Consumer reader = stage.group.consume();
  const Bytes whole = text("whole");
  ASSERT_TRUE(stage.group.write_frame(0, whole));
  auto frame = stage.group.create_frame({.timestamp = 1, .size_bytes = 4});
  ASSERT_TRUE(frame->write(text("ab")));

  EXPECT_EQ((*now(reader.poll_read_frame(Waiter::none())))->second.data(), whole.data());
  EXPECT_TRUE(reader.poll_read_frame(Waiter::none()).pending());
  ASSERT_TRUE(frame->write(text("cd")));
  EXPECT_EQ((*now(reader.poll_read_frame(Waiter::none())))->second.text(), "abcd");
}

TEST(Group, ChunksComeAsTheyCame) {
  Stage stage;
  group::Consumer reader = stage.group.consume();
  {
    auto frame = stage.group.create_frame({.timestamp = 1, .size_bytes = 4});
    auto begun = now(reader.poll_chunk(Waiter::none()));  // Begins before there is payload.
    ASSERT_TRUE(begun && *begun && (*begun)->begins);
    EXPECT_EQ((*begun)->begins->size_bytes, 4U);
    EXPECT_TRUE((*begun)->data.empty());
    EXPECT_TRUE(reader.poll_chunk(Waiter::none()).pending());
    ASSERT_TRUE(frame->write(text("ab")));
    auto part = now(reader.poll_chunk(Waiter::none()));
    EXPECT_FALSE((*part)->begins);
    EXPECT_EQ((*part)->data.text(), "ab");
    ASSERT_TRUE(frame->write(text("cd")));
    EXPECT_EQ((*now(reader.poll_chunk(Waiter::none())))->data.text(), "cd");
  }
  ASSERT_TRUE(stage.group.write_frame(2, text("")));
  ASSERT_TRUE(stage.group.write_frame(3, text("xyz")));
  std::move(stage.group).finish();
  auto empty = now(reader.poll_chunk(Waiter::none()));
  EXPECT_EQ((*empty)->begins, (frame::Info{.timestamp = 2, .size_bytes = 0}));
  EXPECT_EQ((*empty)->frame_index, 1U);
  auto last = now(reader.poll_chunk(Waiter::none()));
  EXPECT_EQ((*last)->begins, (frame::Info{.timestamp = 3, .size_bytes = 3}));
  EXPECT_EQ((*last)->data.text(), "xyz");
  EXPECT_EQ((*last)->frame_index, 2U);
  EXPECT_FALSE(now(reader.poll_chunk(Waiter::none()))->has_value());
}

TEST(Group, EveryPollFunctionIsWoken) {
  sim::World world;
  Stage stage;
  group::Consumer a = stage.group.consume();
  group::Consumer b = a.clone();
  group::Consumer c = a.clone();
  Watch chunk(world, [&](const Waiter& waiter) { return a.poll_chunk(waiter); });
  Watch next(world, [&](const Waiter& waiter) { return b.poll_next_frame(waiter); });
  Watch whole(world, [&](const Waiter& waiter) { return c.poll_read_frame(waiter); });
  auto frame = stage.group.create_frame({.timestamp = 0, .size_bytes = 2});
  EXPECT_TRUE(chunk.woken());
  EXPECT_TRUE(next.woken());
  EXPECT_FALSE(whole.woken());

  group::Consumer d = a.clone();
  auto opened = now(d.poll_next_frame(Waiter::none()));
  Watch part(world, [&](const Waiter& waiter) { return (*opened)->poll_read(waiter); });
  Watch all(world, [&](const Waiter& waiter) { return (*opened)->poll_read_all(waiter); });
  ASSERT_TRUE(frame->write(text("a")));
  EXPECT_TRUE(part.woken());
  EXPECT_FALSE(all.woken());
  ASSERT_TRUE(frame->write(text("b")));
  EXPECT_TRUE(whole.woken());
  EXPECT_TRUE(all.woken());

  Watch end(world, [&](const Waiter& waiter) { return c.poll_next_frame(waiter); });
  EXPECT_FALSE(end.woken());
  std::move(stage.group).finish();
  EXPECT_TRUE(end.woken());
}

TEST(Group, WritesDoNotWakeTheWriterThatWaitsForAnAbort) {
  sim::World world;
  Stage stage;
  int polls = 0;
  Watch aborted(world, [&](const Waiter& waiter) {
    ++polls;
    return stage.group.poll_aborted(waiter);
  });
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(stage.group.write_frame(0, text("x")));
    EXPECT_FALSE(aborted.woken());
  }
  EXPECT_EQ(polls, 1);
  track::Producer clone = stage.track.clone();
  std::move(clone).abort(Error(Code::going_away));
  EXPECT_TRUE(aborted.woken());
}

TEST(Group, StartsAtAFrame) {
  Stage stage;
  for (const auto* one : {"a", "b", "c"}) ASSERT_TRUE(stage.group.write_frame(0, text(one)));
  std::move(stage.group).finish();
  group::Consumer reader =
      now(stage.track.consume(kEverything).poll_next_group(Waiter::none()))->value().clone();
  reader.start_at(2);
  EXPECT_EQ(take_frames(reader), (Texts{"c"}));
}

TEST(Group, StartPastTheEndOfAFinishedGroupIsItsEnd) {
  Stage stage;
  group::Consumer reader = stage.group.consume();
  ASSERT_TRUE(stage.group.write_frame(0, text("a")));
  group::Consumer whole = reader.clone();
  group::Consumer next = reader.clone();
  reader.start_at(5);
  whole.start_at(5);
  next.start_at(5);
  EXPECT_TRUE(whole.poll_read_frame(Waiter::none()).pending());
  std::move(stage.group).finish();
  EXPECT_FALSE(now(reader.poll_chunk(Waiter::none()))->has_value());
  EXPECT_FALSE(now(whole.poll_read_frame(Waiter::none()))->has_value());
  EXPECT_FALSE(now(next.poll_next_frame(Waiter::none()))->has_value());
}

TEST(Group, MixedReadingKeepsItsPlace) {
  Stage stage;
  group::Consumer reader = stage.group.consume();
  auto frame = stage.group.create_frame({.timestamp = 0, .size_bytes = 2});
  ASSERT_TRUE(frame->write(text("a")));
  EXPECT_TRUE((*now(reader.poll_chunk(Waiter::none())))->begins);
  auto rest = now(reader.poll_next_frame(Waiter::none()));  // Leaves the frame behind.
  ASSERT_TRUE(frame->write(text("b")));
  ASSERT_TRUE(stage.group.write_frame(1, text("cd")));
  auto chunk = now(reader.poll_chunk(Waiter::none()));
  EXPECT_EQ((*chunk)->data.text(), "cd");
  EXPECT_TRUE((*chunk)->begins);
}

TEST(Group, AbortReachesReadersAndDropsThePayload) {
  Stage stage;
  group::Consumer reader = stage.group.consume();
  ASSERT_TRUE(stage.group.write_frame(0, text("a")));
  auto frame = now(reader.clone().poll_next_frame(Waiter::none()));
  std::move(stage.group).abort(Error(Code::application, "stop"));
  EXPECT_EQ(code_of(now(reader.poll_read_frame(Waiter::none()))), Code::application);
  EXPECT_EQ(code_of(now(reader.poll_chunk(Waiter::none()))), Code::application);
  EXPECT_EQ(code_of(now(reader.poll_next_frame(Waiter::none()))), Code::application);
  EXPECT_EQ(code_of(now((*frame)->poll_read(Waiter::none()))), Code::application);
  EXPECT_EQ(code_of(now((*frame)->poll_read_all(Waiter::none()))), Code::application);
  EXPECT_EQ(reader.error()->code, Code::application);
}

TEST(Group, DroppedWriterAborts) {
  Stage stage;
  group::Consumer reader = stage.group.consume();
  {
    const group::Producer dropped = std::move(stage.group);
  }
  EXPECT_EQ(code_of(now(reader.poll_chunk(Waiter::none()))), Code::cancelled);
}

TEST(Group, AssignedWriterAbortsTheOldGroup) {
  Stage stage;
  group::Consumer reader = stage.group.consume();
  stage.group = *stage.track.create_group(8);
  EXPECT_EQ(code_of(now(reader.poll_chunk(Waiter::none()))), Code::cancelled);
  EXPECT_TRUE(stage.group.write_frame(0, text("x")));
}

TEST(Frame, TooMuchAndTooLittlePayloadAreWrongSize) {
  for (const bool too_much : {true, false}) {
    Stage stage;
    group::Consumer reader = stage.group.consume();
    auto frame = stage.group.create_frame({.timestamp = 0, .size_bytes = 2});
    if (too_much) {
      EXPECT_EQ(code_of(frame->write(text("abc"))), Code::wrong_size);
    } else {
      ASSERT_TRUE(frame->write(text("a")));
      EXPECT_EQ(code_of(std::move(*frame).finish()), Code::wrong_size);
    }
    EXPECT_EQ(code_of(now(reader.poll_chunk(Waiter::none()))), Code::wrong_size);
  }
}

TEST(Frame, DroppedUnfinishedAbortsTheGroup) {
  Stage stage;
  group::Consumer reader = stage.group.consume();
  {
    auto frame = stage.group.create_frame({.timestamp = 0, .size_bytes = 2});
  }
  EXPECT_EQ(code_of(now(reader.poll_chunk(Waiter::none()))), Code::wrong_size);
}

TEST(GroupLimits, FrameBytes) {
  Stage stage;
  EXPECT_TRUE(stage.group.write_frame(0, large(kMaxFrameBytes)));
  Stage other;
  group::Consumer reader = other.group.consume();
  EXPECT_EQ(code_of(other.group.create_frame({.timestamp = 0, .size_bytes = kMaxFrameBytes + 1})),
            Code::frame_too_large);
  EXPECT_EQ(code_of(now(reader.poll_chunk(Waiter::none()))), Code::frame_too_large);
}

TEST(GroupLimits, GroupBytes) {
  Stage stage;
  ASSERT_TRUE(stage.group.write_frame(0, large(kMaxGroupBytes - 1)));
  ASSERT_TRUE(stage.group.write_frame(0, large(1)));
  ASSERT_TRUE(stage.group.write_frame(0, large(0)));
  EXPECT_EQ(code_of(stage.group.write_frame(0, large(1))), Code::group_too_large);
  EXPECT_EQ(code_of(stage.group.write_frame(0, large(0))), Code::group_too_large);
}

TEST(GroupLimits, GroupBytesCountWhenAnnounced) {
  Stage stage;
  auto first = stage.group.create_frame({.timestamp = 0, .size_bytes = kMaxGroupBytes});
  ASSERT_TRUE(first);
  EXPECT_EQ(code_of(stage.group.create_frame({.timestamp = 0, .size_bytes = 1})),
            Code::group_too_large);
}

TEST(GroupLimits, GroupFrames) {
  Stage stage;
  for (std::size_t i = 0; i < kMaxGroupFrames; ++i) {
    ASSERT_TRUE(stage.group.write_frame(0, Bytes()));
  }
  EXPECT_EQ(code_of(stage.group.write_frame(0, Bytes())), Code::group_too_large);
}

TEST(GroupLimits, PartsOfThePayload) {
  Stage stage;
  auto frame = stage.group.create_frame({.timestamp = 0, .size_bytes = kMaxGroupChunks + 1});
  for (std::size_t i = 0; i < kMaxGroupChunks; ++i) ASSERT_TRUE(frame->write(large(1)));
  EXPECT_EQ(code_of(frame->write(large(1))), Code::group_too_large);
}

/// A group with one frame whole and one begun, suspended.
struct Suspended : Stage {
  Suspended() : reader(group.consume()) {
    EXPECT_TRUE(group.write_frame(10, text("first")));
    auto frame = group.create_frame({.timestamp = 20, .size_bytes = 6});
    EXPECT_TRUE(frame->write(text("se")));
    EXPECT_TRUE(frame->write(text("c")));
    std::move(*frame).suspend();
    std::move(group).suspend();
  }
  group::Consumer reader;
};

TEST(GroupResume, ContinuesInTheMiddleOfAFrame) {
  Suspended stage;
  auto resumed = stage.track.create_group(7);
  ASSERT_TRUE(resumed);
  EXPECT_EQ(resumed->resumed_frame(), (frame::Info{.timestamp = 10, .size_bytes = 5}));
  ASSERT_TRUE(resumed->write_frame(10, text("first")));
  EXPECT_EQ(resumed->resumed_frame(), (frame::Info{.timestamp = 20, .size_bytes = 6}));
  auto frame = resumed->create_frame({.timestamp = 20, .size_bytes = 6});
  ASSERT_TRUE(frame);
  ASSERT_TRUE(frame->write(text("s")));
  ASSERT_TRUE(frame->write(text("econ")));
  ASSERT_TRUE(frame->write(text("d")));
  ASSERT_TRUE(std::move(*frame).finish());
  EXPECT_FALSE(resumed->resumed_frame());
  std::move(*resumed).finish();
  EXPECT_EQ(take_frames(stage.reader), (Texts{"first", "second"}));
  EXPECT_TRUE(stage.reader.finished());
}

TEST(GroupResume, ReadersInTheMiddleSeeEachByteOnce) {
  Suspended stage;
  std::string seen;
  const auto drain = [&] {
    for (;;) {
      auto chunk = stage.reader.poll_chunk(Waiter::none());
      if (chunk.pending() || !*chunk || !**chunk) return;
      seen += (**chunk)->data.text();
    }
  };
  drain();
  EXPECT_EQ(seen, "firstsec");
  auto resumed = stage.track.create_group(7);
  ASSERT_TRUE(resumed->write_frame(10, text("first")));
  ASSERT_TRUE(resumed->write_frame(20, text("second")));
  std::move(*resumed).finish();
  drain();
  EXPECT_EQ(seen, "firstsecond");
}

TEST(GroupResume, DifferingInfoEndsTheGroup) {
  Suspended stage;
  auto resumed = stage.track.create_group(7);
  EXPECT_EQ(code_of(resumed->create_frame({.timestamp = 11, .size_bytes = 5})), Code::wrong_size);
  EXPECT_EQ(code_of(now(stage.reader.poll_chunk(Waiter::none()))), Code::wrong_size);
}

TEST(GroupResume, DifferingContentEndsTheGroup) {
  Suspended stage;
  auto resumed = stage.track.create_group(7);
  ASSERT_TRUE(resumed->write_frame(10, text("first")));
  auto frame = resumed->create_frame({.timestamp = 20, .size_bytes = 6});
  ASSERT_TRUE(frame->write(text("s")));
  EXPECT_EQ(code_of(frame->write(text("eKond"))), Code::wrong_size);
  EXPECT_EQ(code_of(now(stage.reader.poll_chunk(Waiter::none()))), Code::wrong_size);
}

TEST(GroupResume, StartsAtAFrameThatIsThere) {
  Suspended stage;
  auto resumed = stage.track.create_group(7);
  ASSERT_TRUE(resumed->start_at(1));
  ASSERT_TRUE(resumed->write_frame(20, text("second")));
  ASSERT_TRUE(resumed->write_frame(30, text("third")));
  std::move(*resumed).finish();
  EXPECT_EQ(take_frames(stage.reader), (Texts{"first", "second", "third"}));
}

TEST(GroupResume, CannotStartPastWhatIsThere) {
  Suspended stage;
  auto resumed = stage.track.create_group(7);
  EXPECT_EQ(code_of(resumed->start_at(2)), Code::too_far_behind);  // Its second frame is not whole.
  EXPECT_EQ(code_of(resumed->start_at(3)), Code::too_far_behind);
  EXPECT_TRUE(resumed->start_at(1));
}

TEST(GroupResume, EndBeforeWhatIsThereIsWrongSize) {
  Suspended stage;
  auto resumed = stage.track.create_group(7);
  ASSERT_TRUE(resumed->write_frame(10, text("first")));
  std::move(*resumed).finish();
  EXPECT_EQ(stage.reader.error()->code, Code::wrong_size);
}

TEST(GroupResume, EndWithAFrameThatIsNotWholeIsWrongSize) {
  Stage stage;
  group::Consumer reader = stage.group.consume();
  auto frame = stage.group.create_frame({.timestamp = 20, .size_bytes = 6});
  std::move(*frame).suspend();
  std::move(stage.group).finish();
  EXPECT_EQ(reader.error()->code, Code::wrong_size);
}

TEST(GroupResume, OnlyASuspendedGroupCanBeResumed) {
  Stage stage;
  EXPECT_EQ(code_of(stage.track.create_group(7)), Code::duplicate);
  ASSERT_TRUE(stage.group.write_frame(0, text("a")));
  std::move(stage.group).finish();
  EXPECT_EQ(code_of(stage.track.create_group(7)), Code::duplicate);
  std::move(*stage.track.create_group(8)).abort(Error(Code::old));
  EXPECT_EQ(code_of(stage.track.create_group(8)), Code::duplicate);
}

}  // namespace
}  // namespace moq::net
