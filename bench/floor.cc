#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>
#include <vector>

// What a fan-out costs on this machine if nothing is done but what no relay can leave out: each
// subscriber's packets are protected by AES-128-GCM of GnuTLS, and handed to the kernel in batches
// (sendmmsg of messages with UDP_SEGMENT), in the rhythm of the frames. No QUIC, no
// acknowledgements, no streams. Prints one line of JSON.

namespace {

constexpr std::size_t kMaxConnections = 10'000;
constexpr std::size_t kMaxFrameBytes = 60'000;  // One message with UDP_SEGMENT holds no more.
constexpr std::size_t kPacketBytes = 1452;  // Of UDP payload, as on our connections over loopback.
constexpr std::size_t kHeaderBytes =
    1 + 8 + 4 + 4;  // Short header, connection id, packet number; STREAM frame.
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kPayloadBytes = kPacketBytes - kHeaderBytes - kTagBytes;
constexpr std::size_t kBatch = 64;  // Messages of one sendmmsg.

struct Options {
  std::size_t connections = 200;
  std::size_t frame_bytes = 4096;
  unsigned fps = 60;
  unsigned seconds = 8;
  bool protect = true;
  bool send = true;
};

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

[[noreturn]] void usage() {
  std::fputs(
      "usage: moq-bench-floor [--connections N] [--frame-bytes N] [--fps N] [--seconds N] "
      "[--aead-only | --send-only]\n"
      "Measures the processor time of the bare packet protection and the bare batched sends of a "
      "fan-out.\n",
      stderr);
  std::exit(2);
}

std::size_t number(const char* text, std::size_t max) {
  char* end = nullptr;
  const unsigned long value = std::strtoul(text, &end, 10);
  if (*text == '-' || end == text || *end != '\0' || value == 0 || value > max) usage();
  return value;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--aead-only") {
      options.send = false;
    } else if (flag == "--send-only") {
      options.protect = false;
    } else if (i + 1 == argc) {
      usage();
    } else if (flag == "--connections") {
      options.connections = number(argv[++i], kMaxConnections);
    } else if (flag == "--frame-bytes") {
      options.frame_bytes = number(argv[++i], kMaxFrameBytes);
    } else if (flag == "--fps") {
      options.fps = static_cast<unsigned>(number(argv[++i], 10'000));
    } else if (flag == "--seconds") {
      options.seconds = static_cast<unsigned>(number(argv[++i], 3600));
    } else {
      usage();
    }
  }
  if (!options.send && !options.protect) usage();
  return options;
}

int open_socket(sockaddr_in& address) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  if (fd < 0) die("socket");
  address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) die("bind");
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) die("getsockname");
  return fd;
}

// The subscribers: take in whatever comes, as a client does, in a process of its own that is not
// measured.
[[noreturn]] void drain(const std::vector<int>& sockets) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::vector<pollfd> polls;
  for (const int fd : sockets) {
    const int on = 1;
    setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
    polls.push_back({.fd = fd, .events = POLLIN, .revents = 0});
  }
  std::vector<char> buffer(1 << 16);
  for (;;) {
    poll(polls.data(), polls.size(), -1);
    for (const pollfd& each : polls) {
      if (each.revents == 0) continue;
      while (recv(each.fd, buffer.data(), buffer.size(), 0) > 0) {
      }
    }
  }
}

struct Connection {
  sockaddr_in to{};
  gnutls_aead_cipher_hd_t cipher = nullptr;
  std::uint64_t packet_number = 0;
};

// Protects the frame for one connection into `out`; returns the bytes written.
std::size_t protect(Connection& connection, const std::vector<std::uint8_t>& frame,
                    std::uint8_t* out) {
  std::array<std::uint8_t, 12> nonce{};
  std::size_t done = 0;
  std::size_t written = 0;
  while (done < frame.size()) {
    const std::size_t piece = std::min(kPayloadBytes, frame.size() - done);
    ++connection.packet_number;
    std::memcpy(nonce.data(), &connection.packet_number, sizeof connection.packet_number);
    std::uint8_t* packet = out + written;
    std::memcpy(packet, nonce.data(), nonce.size());
    std::size_t sealed = piece + kTagBytes;
    if (gnutls_aead_cipher_encrypt(connection.cipher, nonce.data(), nonce.size(), packet,
                                   kHeaderBytes, kTagBytes, frame.data() + done, piece,
                                   packet + kHeaderBytes, &sealed) != 0) {
      std::fputs("moq-bench-floor: GnuTLS refuses to encrypt\n", stderr);
      std::exit(1);
    }
    done += piece;
    written += kHeaderBytes + sealed;
  }
  return written;
}

// Messages on their way to one sendmmsg.
class Batch {
 public:
  explicit Batch(int fd) : fd_(fd) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      msghdr& header = messages_[i].msg_hdr;
      header.msg_iov = &parts_[i];
      header.msg_iovlen = 1;
      header.msg_namelen = sizeof(sockaddr_in);
      header.msg_control = controls_[i].data();
      header.msg_controllen = controls_[i].size();
      cmsghdr* control = CMSG_FIRSTHDR(&header);
      control->cmsg_level = IPPROTO_UDP;
      control->cmsg_type = UDP_SEGMENT;
      control->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
      const std::uint16_t size = kPacketBytes;
      std::memcpy(CMSG_DATA(control), &size, sizeof size);
    }
  }

  void add(Connection& connection, std::uint8_t* data, std::size_t size) {
    parts_[count_] = {.iov_base = data, .iov_len = size};
    messages_[count_].msg_hdr.msg_name = &connection.to;
    if (++count_ == kBatch) flush();
  }

  void flush() {
    std::size_t sent = 0;
    while (sent < count_) {
      const int taken =
          sendmmsg(fd_, messages_.data() + sent, static_cast<unsigned>(count_ - sent), 0);
      if (taken > 0) {
        sent += static_cast<std::size_t>(taken);
      } else if (errno == EAGAIN) {
        pollfd writable{.fd = fd_, .events = POLLOUT, .revents = 0};
        poll(&writable, 1, -1);
      } else {
        die("sendmmsg");
      }
    }
    count_ = 0;
  }

 private:
  int fd_;
  std::size_t count_ = 0;
  std::array<mmsghdr, kBatch> messages_{};
  std::array<iovec, kBatch> parts_{};
  alignas(
      cmsghdr) std::array<std::array<char, CMSG_SPACE(sizeof(std::uint16_t))>, kBatch> controls_{};
};

double cpu_seconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

int run(const Options& options) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  std::vector<Connection> connections(options.connections);
  std::vector<int> sockets;
  for (Connection& connection : connections) {
    sockets.push_back(open_socket(connection.to));
    std::array<std::uint8_t, 16> key{};
    const std::size_t id = sockets.size();
    std::memcpy(key.data(), &id, sizeof id);
    const gnutls_datum_t datum{.data = key.data(), .size = key.size()};
    if (gnutls_aead_cipher_init(&connection.cipher, GNUTLS_CIPHER_AES_128_GCM, &datum) != 0) {
      std::fputs("moq-bench-floor: GnuTLS has no AES-128-GCM\n", stderr);
      return 1;
    }
  }
  const pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) drain(sockets);
  for (const int fd : sockets) close(fd);
  sockaddr_in self;
  const int fd = open_socket(self);

  std::vector<std::uint8_t> frame(options.frame_bytes);
  for (std::size_t i = 0; i < frame.size(); ++i) frame[i] = static_cast<std::uint8_t>(i * 131 >> 3);
  // Room for a batch of protected frames.
  const std::size_t packets = (options.frame_bytes + kPayloadBytes - 1) / kPayloadBytes;
  const std::size_t slot = packets * kPacketBytes;
  std::vector<std::uint8_t> out(slot * kBatch);
  const std::size_t wire_bytes = options.frame_bytes + packets * (kHeaderBytes + kTagBytes);

  Batch batch(fd);
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const double before = cpu_seconds();
  const std::size_t frames = std::size_t{options.fps} * options.seconds;
  for (std::size_t n = 0; n < frames; ++n) {
    const auto due = start + std::chrono::nanoseconds(1'000'000'000 / options.fps * n);
    const auto wait =
        std::chrono::duration_cast<std::chrono::nanoseconds>(due - Clock::now()).count();
    if (wait > 0) {
      const timespec pause{.tv_sec = wait / 1'000'000'000, .tv_nsec = wait % 1'000'000'000};
      nanosleep(&pause, nullptr);
    }
    for (std::size_t i = 0; i < connections.size(); ++i) {
      std::uint8_t* to = out.data() + i % kBatch * slot;
      const std::size_t size = options.protect ? protect(connections[i], frame, to) : wire_bytes;
      if (options.send) batch.add(connections[i], to, size);
    }
    batch.flush();
  }
  const double cpu = cpu_seconds() - before;
  const double gbit =
      static_cast<double>(frames * options.connections * options.frame_bytes) * 8 / 1e9;
  std::printf(
      "{\"type\":\"floor\",\"connections\":%zu,\"frame_bytes\":%zu,\"fps\":%u,\"seconds\":%u,"
      "\"aead\":%s,\"send\":%s,"
      "\"gbit\":%.4f,\"cpu_s\":%.4f,\"cpu_s_per_gbit\":%.4f}\n",
      options.connections, options.frame_bytes, options.fps, options.seconds,
      options.protect ? "true" : "false", options.send ? "true" : "false", gbit, cpu, cpu / gbit);
  for (const Connection& connection : connections) gnutls_aead_cipher_deinit(connection.cipher);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return run(parse(argc, argv)); }
