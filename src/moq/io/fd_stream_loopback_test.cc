#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

#include "moq/io/fd_stream.h"

namespace moq::io {
namespace {

using kio::Waiter;

kio::Task<std::string> read_to_end(ByteSource& source) {
  std::string all;
  for (;;) {
    const Result<Bytes> part = co_await source.read(SIZE_MAX);
    EXPECT_TRUE(part) << part.error().describe();
    if (!part || part->empty()) co_return all;
    all += part->text();
  }
}

kio::Task<Result<void>> write_all(ByteSink& sink, std::string text) {
  Bytes data = Bytes::copy(text);
  Result<void> written = co_await sink.write(data);
  co_return written;
}

/// Two connected descriptors of one kind, both blocking, as a shell hands them out.
struct Ends {
  Fd read;
  Fd write;
};
enum class Kind : std::uint8_t { pipe, socket };

Ends make_ends(Kind kind) {
  std::array<int, 2> fds{};
  if (kind == Kind::pipe) {
    EXPECT_EQ(::pipe2(fds.data(), O_CLOEXEC), 0);
  } else {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
  }
  return {Fd(fds[0]), Fd(fds[1])};
}

struct FdStreamTest : testing::TestWithParam<Kind> {
  std::unique_ptr<Loop> loop = *Loop::create();
};

TEST_P(FdStreamTest, CarriesMoreThanThePipeHolds) {
  Ends ends = make_ends(GetParam());
  auto source = FdSource::create(*loop, ends.read.get());
  auto sink = FdSink::create(*loop, ends.write.get());
  ASSERT_TRUE(source && sink);
  const std::string text(1'000'000, 'x');
  auto writer = loop->spawn(write_all(**sink, text));
  loop->run(kio::sleep(loop->clock(), 2ms));
  EXPECT_FALSE(writer.finished());
  auto reader = loop->spawn(read_to_end(**source));
  while (!writer.finished()) loop->run(kio::sleep(loop->clock(), 1ms));
  // The end comes when our copy and the caller's are both closed.
  sink->reset();
  loop->run(kio::sleep(loop->clock(), 2ms));
  EXPECT_FALSE(reader.finished());
  ends.write.reset();
  while (!reader.finished()) loop->run(kio::sleep(loop->clock(), 1ms));
  EXPECT_TRUE(*reader.poll_join(Waiter::none()) == text);
}

TEST_P(FdStreamTest, LeavesTheCallersFlagsAlone) {
  Ends ends = make_ends(GetParam());
  auto source = FdSource::create(*loop, ends.read.get());
  auto sink = FdSink::create(*loop, ends.write.get());
  ASSERT_TRUE(source && sink);
  EXPECT_FALSE((*source)->poll_read(Waiter::none(), 10));
  EXPECT_EQ(::fcntl(ends.read.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(::fcntl(ends.write.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_P(FdStreamTest, AWriterLearnsThatItsReaderLeft) {
  Ends ends = make_ends(GetParam());
  auto sink = FdSink::create(*loop, ends.write.get());
  ASSERT_TRUE(sink);
  ends.read.reset();
  const Result<void> written = loop->run(write_all(**sink, "x"));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::closed);
}

TEST_P(FdStreamTest, AWaitingReaderCostsNothing) {
  Ends ends = make_ends(GetParam());
  auto source = FdSource::create(*loop, ends.read.get());
  ASSERT_TRUE(source);
  auto reader = loop->spawn(read_to_end(**source));
  const std::uint64_t waits = loop->waits();
  loop->run(kio::sleep(loop->clock(), 20ms));
  EXPECT_LE(loop->waits() - waits, 4u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, FdStreamTest, testing::Values(Kind::pipe, Kind::socket),
                         [](const auto& test) {
                           return std::string(test.param == Kind::pipe ? "pipe" : "socket");
                         });

TEST_F(FdStreamTest, APipeIsOpenedAnew) {
  Ends ends = make_ends(Kind::pipe);
  EXPECT_EQ((*FdSource::create(*loop, ends.read.get()))->mode(), FdMode::nonblocking);
  EXPECT_EQ((*FdSink::create(*loop, ends.write.get()))->mode(), FdMode::nonblocking);
}

TEST_F(FdStreamTest, FilesGrowAtTheirEndAndAreReadToIt) {
  const std::filesystem::path path =
      std::filesystem::path(testing::TempDir()) / ("moq_fd_stream_" + std::to_string(::getpid()));
  const Fd out(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  ASSERT_TRUE(out.valid());
  ASSERT_EQ(::write(out.get(), "before ", 7), 7);
  auto sink = FdSink::create(*loop, out.get());
  ASSERT_TRUE(sink);
  EXPECT_EQ((*sink)->mode(), FdMode::direct);
  EXPECT_TRUE(loop->run(write_all(**sink, std::string(100'000, 'x'))));

  const Fd in(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  auto source = FdSource::create(*loop, in.get());
  ASSERT_TRUE(source);
  EXPECT_EQ(loop->run(read_to_end(**source)), "before " + std::string(100'000, 'x'));
  std::filesystem::remove(path);
}

TEST_F(FdStreamTest, TheNullDeviceEndsAtOnceAndTakesAll) {
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  auto source = FdSource::create(*loop, null.get());
  auto sink = FdSink::create(*loop, null.get());
  ASSERT_TRUE(source && sink);
  EXPECT_EQ(loop->run(read_to_end(**source)), "");
  EXPECT_TRUE(loop->run(write_all(**sink, "x")));
}

TEST_F(FdStreamTest, ADescriptorOfTheWrongDirectionIsRefused) {
  Ends ends = make_ends(Kind::pipe);
  const auto source = FdSource::create(*loop, ends.write.get());
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().code, Code::io);
  EXPECT_FALSE(FdSink::create(*loop, ends.read.get()));
  EXPECT_FALSE(FdSource::create(*loop, 9999));
}

TEST_F(FdStreamTest, ATerminalIsReadUntilItHangsUp) {
  Fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!master.valid() || ::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0) {
    GTEST_SKIP() << "no pseudo-terminals here";
  }
  std::array<char, 64> name{};
  ASSERT_EQ(::ptsname_r(master.get(), name.data(), name.size()), 0);
  Fd terminal(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  auto source = FdSource::create(*loop, terminal.get());
  ASSERT_TRUE(source);
  EXPECT_EQ((*source)->mode(), FdMode::nonblocking);
  auto reader = loop->spawn(read_to_end(**source));
  ASSERT_EQ(::write(master.get(), "line\n", 5), 5);
  loop->run(kio::sleep(loop->clock(), 2ms));
  EXPECT_FALSE(reader.finished());
  master.reset();
  while (!reader.finished()) loop->run(kio::sleep(loop->clock(), 1ms));
  EXPECT_EQ(*reader.poll_join(Waiter::none()), "line\n");
}

}  // namespace
}  // namespace moq::io
