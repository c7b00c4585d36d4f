#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "moq/kio/executor.h"
#include "moq/transport/session.h"

/// What tests of sessions do again and again. For test programs alone.
namespace moq::transport::contract {

/// `size` bytes that tell a lost or swapped piece.
inline Bytes pattern(std::size_t size) {
  auto buffer = Buffer::allocate(size);
  for (std::size_t i = 0; i < size; ++i) {
    buffer->data()[i] = static_cast<std::uint8_t>((i * 31) ^ (i >> 8) ^ (i >> 16));
  }
  return {std::move(buffer), 0, size};
}

/// All bytes up to the clean end.
inline kio::Task<Result<Bytes>> read_all(RecvStream& stream) {
  std::vector<Bytes> parts;
  for (;;) {
    Result<Bytes> part = co_await stream.read(4096);
    if (!part) co_return std::unexpected(std::move(part).error());
    if (part->empty()) break;
    EXPECT_LE(part->size(), 4096u);
    parts.push_back(*std::move(part));
  }
  co_return join(parts);
}

/// Writes `data` in pieces as the stream wants them.
inline kio::Task<Result<void>> write_all(SendStream& stream, Bytes data, std::size_t piece) {
  while (!data.empty()) {
    Result<void> writable = co_await stream.writable();
    if (!writable) co_return writable;
    stream.write(data.take_front(piece));
  }
  co_return Result<void>();
}

/// Opens a unidirectional stream on `from` with `text` on it and accepts it on `to`.
inline kio::Task<void> make_uni(Session& from, Session& to, std::string text,
                                std::unique_ptr<SendStream>& send,
                                std::unique_ptr<RecvStream>& recv) {
  auto opened = co_await from.open_uni();
  EXPECT_TRUE(opened);
  if (!opened) co_return;
  send = *std::move(opened);
  send->write(Bytes::copy(text));
  auto accepted = co_await to.accept_uni();
  EXPECT_TRUE(accepted);
  if (accepted) recv = *std::move(accepted);
}

/// The same with a bidirectional stream.
inline kio::Task<void> make_bidi(Session& from, Session& to, std::string text, BidiStream& near,
                                 BidiStream& far) {
  auto opened = co_await from.open_bidi();
  EXPECT_TRUE(opened);
  if (!opened) co_return;
  near = *std::move(opened);
  near.send->write(Bytes::copy(text));
  auto accepted = co_await to.accept_bidi();
  EXPECT_TRUE(accepted);
  if (accepted) far = *std::move(accepted);
}

inline kio::Task<void> expect_read(RecvStream& stream, std::string text) {
  std::string got;
  while (got.size() < text.size()) {
    Result<Bytes> part = co_await stream.read(text.size() - got.size());
    EXPECT_TRUE(part) << part.error().describe();
    if (!part || part->empty()) break;
    got += part->text();
  }
  EXPECT_EQ(got, text);
}

inline kio::Task<void> expect_end(RecvStream& stream) {
  const Result<Bytes> end = co_await stream.read(100);
  EXPECT_TRUE(end) << end.error().describe();
  if (end) {
    EXPECT_TRUE(end->empty());
  }
}

/// Reads on, past what may still come, until the stream fails with the peer's `code`.
inline kio::Task<void> expect_reset(RecvStream& stream, std::uint32_t code) {
  const Result<Bytes> rest = co_await read_all(stream);
  EXPECT_FALSE(rest);
  if (rest) co_return;
  EXPECT_EQ(rest.error().code, Code::application);
  EXPECT_EQ(rest.error().wire, std::uint64_t{code});
}

/// Writes on until the stream fails with the peer's `code`.
inline kio::Task<void> expect_stopped(SendStream& stream, std::uint32_t code) {
  for (;;) {
    const Result<void> writable = co_await stream.writable();
    if (writable) {
      stream.write(pattern(1000));
      co_await kio::yield();
      continue;
    }
    EXPECT_EQ(writable.error().code, Code::application);
    EXPECT_EQ(writable.error().wire, std::uint64_t{code});
    break;
  }
  const Result<void> finished = co_await stream.finished();
  EXPECT_FALSE(finished);
  if (!finished) {
    EXPECT_EQ(finished.error().wire, std::uint64_t{code});
  }
}

}  // namespace moq::transport::contract
