#include "moq/transport/quic/internal/stateless.h"

#include <algorithm>
#include <array>

namespace moq::transport::quic::internal {
namespace {

// Larger than any answer here.
constexpr std::size_t kMaxAnswerBytes = 1200;
// RFC 9000 §10.3: a reset must look like an ordinary short packet, and be shorter than what it
// answers, so that two servers cannot keep resetting each other.
constexpr std::size_t kMaxResetBytes = 43;
constexpr std::size_t kMinResetBytes =
    NGTCP2_MIN_STATELESS_RESET_RANDLEN + NGTCP2_STATELESS_RESET_TOKENLEN;

}  // namespace

bool RateLimit::take(TimePoint now) {
  if (last_) {
    const double seconds = std::chrono::duration<double>(now - *last_).count();
    left_ = std::min(per_second_, left_ + seconds * per_second_);
  }
  last_ = now;
  if (left_ < 1) return false;
  left_ -= 1;
  return true;
}

Stateless::Stateless(const ResetKey& reset_key, Random& random)
    : reset_key_(reset_key), random_(&random) {
  fill_random(random, retry_key_.data(), retry_key_.size());
}

std::span<std::uint8_t> Stateless::room(const Question& question) {
  return question.output->room(kMaxAnswerBytes);
}

void Stateless::add(const Question& question, ngtcp2_ssize size) {
  if (size <= 0) return;
  question.output->add({.size = static_cast<std::size_t>(size),
                        .to = question.from,
                        .from = question.to,
                        .socket = question.socket});
}

void Stateless::reset_token(std::uint8_t* token, const ngtcp2_cid& id) const {
  MOQ_ASSERT(ngtcp2_crypto_generate_stateless_reset_token(token, reset_key_.data(),
                                                          reset_key_.size(), &id) == 0);
}

void Stateless::reset(const Question& question) {
  if (question.packet.size() <= kMinResetBytes || question.packet.size() < 1 + kConnectionIdBytes) {
    return;
  }
  if (!resets_.take(question.now)) return;
  const std::span<std::uint8_t> out = room(question);
  if (out.empty()) return;
  ngtcp2_cid id;
  ngtcp2_cid_init(&id, question.packet.data() + 1, kConnectionIdBytes);
  std::array<std::uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN> token;
  reset_token(token.data(), id);
  const std::size_t size = std::min(question.packet.size() - 1, kMaxResetBytes);
  std::array<std::uint8_t, kMaxResetBytes> noise;
  fill_random(*random_, noise.data(), noise.size());
  add(question, ngtcp2_pkt_write_stateless_reset(out.data(), out.size(), token.data(), noise.data(),
                                                 size - token.size()));
}

void Stateless::negotiate_version(const Question& question, const ngtcp2_version_cid& ids) {
  // RFC 9000 §6.1: only to packets that could have been a first one.
  if (question.packet.size() < NGTCP2_MAX_UDP_PAYLOAD_SIZE || !refusals_.take(question.now)) return;
  const std::span<std::uint8_t> out = room(question);
  if (out.empty()) return;
  const std::array<std::uint32_t, 1> versions = {NGTCP2_PROTO_VER_V1};
  add(question, ngtcp2_pkt_write_version_negotiation(
                    out.data(), out.size(), static_cast<std::uint8_t>(random_->next()), ids.scid,
                    ids.scidlen, ids.dcid, ids.dcidlen, versions.data(), versions.size()));
}

void Stateless::retry(const Question& question, const ngtcp2_pkt_hd& header) {
  if (!refusals_.take(question.now)) return;
  const std::span<std::uint8_t> out = room(question);
  if (out.empty()) return;
  ngtcp2_cid id;
  id.datalen = kConnectionIdBytes;
  fill_random(*random_, id.data, id.datalen);
  std::array<std::uint8_t, NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN2> token;
  ngtcp2_sockaddr_union remote;
  const ngtcp2_socklen remote_size = to_sockaddr(question.from, remote);
  const ngtcp2_ssize size = ngtcp2_crypto_generate_retry_token2(
      token.data(), retry_key_.data(), retry_key_.size(), header.version, &remote.sa, remote_size,
      &id, &header.dcid, to_timestamp(question.now));
  if (size < 0) return;
  add(question,
      ngtcp2_crypto_write_retry(out.data(), out.size(), header.version, &header.scid, &id,
                                &header.dcid, token.data(), static_cast<std::size_t>(size)));
}

void Stateless::refuse(const Question& question, const ngtcp2_pkt_hd& header, std::uint64_t code,
                       std::string_view reason) {
  if (!refusals_.take(question.now)) return;
  const std::span<std::uint8_t> out = room(question);
  if (out.empty()) return;
  add(question, ngtcp2_crypto_write_connection_close(out.data(), out.size(), header.version,
                                                     &header.scid, &header.dcid, code,
                                                     as_bytes(reason).data(), reason.size()));
}

bool Stateless::is_retry_token(const ngtcp2_pkt_hd& header) {
  return header.tokenlen > 0 && header.token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY2;
}

std::optional<ngtcp2_cid> Stateless::check_retry_token(const Question& question,
                                                       const ngtcp2_pkt_hd& header) const {
  ngtcp2_sockaddr_union remote;
  const ngtcp2_socklen remote_size = to_sockaddr(question.from, remote);
  ngtcp2_cid original;
  const int error = ngtcp2_crypto_verify_retry_token2(
      &original, header.token, header.tokenlen, retry_key_.data(), retry_key_.size(),
      header.version, &remote.sa, remote_size, &header.dcid, to_duration(kRetryLifetime),
      to_timestamp(question.now));
  if (error != 0) return std::nullopt;
  return original;
}

}  // namespace moq::transport::quic::internal
