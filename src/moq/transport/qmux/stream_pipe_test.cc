#include "moq/transport/qmux/stream_pipe.h"

#include <gtest/gtest.h>

#include "moq/transport/qmux/framing.h"
#include "moq/transport/qmux/internal/hex_test.h"
#include "moq/transport/qmux/pipe_test_support.h"
#include "moq/transport/session_helpers_test.h"

namespace moq::transport::qmux {
namespace {

using contract::pattern;
using kio::Waiter;

struct StreamPipeTest : testing::Test {
  /// What comes in from `hex`, then the end; "!" for a failure.
  std::vector<std::string> records_of(std::string_view hex) {
    if (!hex.empty()) in->push(Bytes::copy(from_hex(hex)));
    in->end();
    world.run_for(20ms);
    std::vector<std::string> records;
    for (;;) {
      auto record = pipe->poll_read(Waiter::none());
      if (record.pending()) {
        ADD_FAILURE() << "it waits for more";
        return records;
      }
      if (!*record) {
        records.emplace_back("!");
        failure = (*record).error();
        return records;
      }
      if (!**record) return records;
      records.push_back(to_hex((**record)->span()));
    }
  }

  sim::World world;
  std::shared_ptr<Wire> in = std::make_shared<Wire>(world, WireOptions{});
  std::shared_ptr<Wire> out = std::make_shared<Wire>(world, WireOptions{});
  std::unique_ptr<RecordPipe> pipe = make_stream_pipe(std::make_unique<ByteEnd>(world, in, out));
  Error failure;
};

using Records = std::vector<std::string>;

// wire/session.md §6.7: a ping and a moq SETUP of a Rust client on TCP.
TEST_F(StreamPipeTest, ReadsWhatARustClientSends) {
  EXPECT_EQ(records_of("09f48c67529ef8c7bd00"
                       "070e020003010100"
                       "040f020300"),
            (Records{"f48c67529ef8c7bd00", "0e020003010100", "0f020300"}));
}

TEST_F(StreamPipeTest, SizesMayBeLongerThanTheyNeed) {
  EXPECT_EQ(records_of("4001aa"
                       "80000001bb"
                       "c000000000000001cc"),
            (Records{"aa", "bb", "cc"}));
}

TEST_F(StreamPipeTest, AnEmptyRecordIsOne) { EXPECT_EQ(records_of("0001aa"), (Records{"", "aa"})); }

TEST_F(StreamPipeTest, TheEndMayComeBetweenRecordsAlone) {
  EXPECT_EQ(records_of(""), Records{});
  in = std::make_shared<Wire>(world, WireOptions{});
  pipe = make_stream_pipe(std::make_unique<ByteEnd>(world, in, out));
  EXPECT_EQ(records_of("01aa40"), (Records{"aa", "!"}));
  EXPECT_EQ(failure.code, Code::transport);
  in = std::make_shared<Wire>(world, WireOptions{});
  pipe = make_stream_pipe(std::make_unique<ByteEnd>(world, in, out));
  EXPECT_EQ(records_of("02aa"), (Records{"!"}));
}

TEST_F(StreamPipeTest, ALargeRecordBreaksThePipeByItsSizeAlone) {
  EXPECT_EQ(records_of("7fff"), (Records{"!"}));
  EXPECT_EQ(failure.code, Code::protocol_violation);
}

TEST_F(StreamPipeTest, RecordsOfEachSizePass) {
  std::unique_ptr<RecordPipe> other = make_stream_pipe(std::make_unique<ByteEnd>(world, out, in));
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{5000}, kMaxRecordBytes}) {
    const Bytes sent = pattern(size);
    Bytes left = sent;
    ASSERT_TRUE(pipe->poll_write(Waiter::none(), left));
    EXPECT_TRUE(left.empty());
    std::optional<Bytes> got;
    for (int i = 0; i < 100 && !got; ++i) {
      world.run_for(10ms);
      auto record = other->poll_read(Waiter::none());
      if (record) got = **record;
    }
    ASSERT_TRUE(got) << size;
    EXPECT_TRUE(*got == sent) << size;
  }
}

TEST_F(StreamPipeTest, AFullStreamHoldsTheWriterUp) {
  int written = 0;
  for (; written < 100; ++written) {
    Bytes record = pattern(10'000);
    if (pipe->poll_write(Waiter::none(), record).pending()) break;
  }
  EXPECT_GE(written, 6);
  EXPECT_LT(written, 10);
}

}  // namespace
}  // namespace moq::transport::qmux
