// Tracks and groups that are made when somebody asks, and a server and a client of one process.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "moq/capi/session_test_support.h"

namespace moq::capi {
namespace {

std::string_view view(const moq_string& text) { return {text.data, text.len}; }

std::uint32_t wait_for(std::uint32_t origin, std::string_view path) {
  Recorder found;
  made(moq_origin_consume_announced(origin, path.data(), path.size(), Recorder::callback, &found));
  const std::uint32_t consumer = made(found.next().value_or(0));
  EXPECT_EQ(found.next(), 0);
  return consumer;
}

TEST(Requests, ATrackIsMadeWhenSomebodyAsksForIt) {
  const std::uint32_t origin = made(moq_origin_create());
  const std::uint32_t broadcast = made(moq_origin_publish(origin, "live", 4));
  Recorder requests;
  const std::uint32_t dynamic = made(moq_publish_dynamic(broadcast, Recorder::callback, &requests));
  const std::uint32_t consumer = wait_for(origin, "live");
  Recorder frames;
  made(moq_consume_track(consumer, "made", 4, nullptr, Recorder::callback, &frames));

  const std::uint32_t request = made(requests.next().value_or(0));
  moq_string name{};
  ASSERT_EQ(moq_track_request_name(request, &name), 0);
  EXPECT_EQ(view(name), "made");
  const std::uint32_t track = made(moq_track_request_accept(request, nullptr));
  EXPECT_EQ(moq_track_request_free(request), MOQ_ERROR_NOT_FOUND);
  EXPECT_EQ(moq_publish_track_frame(track, bytes("hello"), 5, 0), 0);
  EXPECT_EQ(take_frame(frames.next()), "hello");
  EXPECT_EQ(moq_publish_track_finish(track), 0);
  EXPECT_EQ(frames.next(), 0);

  Recorder refused;
  made(moq_consume_track(consumer, "other", 5, nullptr, Recorder::callback, &refused));
  EXPECT_EQ(moq_track_request_abort(made(requests.next().value_or(0)), 3), 0);
  EXPECT_EQ(refused.next(), MOQ_ERROR_MOQ);

  EXPECT_EQ(moq_publish_dynamic_cancel(dynamic), 0);
  EXPECT_EQ(requests.next(), 0);
  moq_publish_finish(broadcast);
  moq_consume_close(consumer);
  moq_origin_close(origin);
}

/// A server of ours that accepts everybody into one origin.
class Hall {
 public:
  explicit Hall(std::uint32_t origin) : origin_(origin) {
    const moq_string name{.data = "localhost", .len = 9};
    const moq_server_config config{
        .bind = "127.0.0.1:0", .bind_len = 11, .tls_generate = &name, .tls_generate_len = 1};
    server_ = made(moq_server_listen(&config, on_request, this));
  }
  ~Hall() {
    EXPECT_EQ(moq_server_close(server_), 0);
    EXPECT_EQ(requests_.terminal(), 0);
  }
  Hall(const Hall&) = delete;
  Hall& operator=(const Hall&) = delete;

  [[nodiscard]] std::string url() const {
    moq_string address{};
    EXPECT_EQ(moq_server_addr(server_, &address), 0);
    return "https://" + std::string(view(address)) + "/room?jwt=x";
  }
  /// A configuration that trusts this server alone.
  [[nodiscard]] std::uint32_t client() const {
    moq_string pin{};
    EXPECT_EQ(moq_server_fingerprints(server_, &pin, 1), 1);
    const std::uint32_t client = made(moq_client_create());
    EXPECT_EQ(moq_client_set_tls_fingerprints(client, &pin, 1), 0);
    return client;
  }
  Recorder& sessions() { return sessions_; }
  Recorder& requests() { return requests_; }
  std::string path;
  std::string query;

 private:
  static void on_request(void* self, std::int32_t code) {
    auto* hall = static_cast<Hall*>(self);
    if (code > 0) {
      const auto request = static_cast<std::uint32_t>(code);
      moq_string text{};
      moq_session_request_path(request, &text);
      hall->path = view(text);
      moq_session_request_query(request, &text);
      hall->query = view(text);
      moq_session_request_accept(request, hall->origin_, hall->origin_, Recorder::callback,
                                 &hall->sessions_);
    }
    Recorder::callback(&hall->requests_, code);
  }

  std::uint32_t origin_;
  std::uint32_t server_ = 0;
  Recorder requests_;
  Recorder sessions_;
};

TEST(Server, ServesAClientOfTheSameLibrary) {
  const std::uint32_t here = made(moq_origin_create());
  const std::uint32_t there = made(moq_origin_create());
  const std::uint32_t broadcast = made(moq_origin_publish(here, "live", 4));
  const std::uint32_t track = made(moq_publish_track(broadcast, "chat", 4, nullptr));
  {
    Hall hall(here);
    const std::string url = hall.url();
    const std::uint32_t client = hall.client();
    Recorder status;
    const std::uint32_t session = made(
        moq_client_connect(url.data(), url.size(), client, 0, there, Recorder::callback, &status));
    EXPECT_EQ(status.next(), 1);
    EXPECT_EQ(hall.sessions().next(), 1);
    EXPECT_EQ(hall.path, "room");
    EXPECT_EQ(hall.query, "jwt=x");

    moq_connection_snapshot snapshot{};
    ASSERT_EQ(moq_session_snapshot(session, &snapshot), 0) << moq_error();
    EXPECT_EQ(view(snapshot.protocol).substr(0, 9), "moq-lite-");
    EXPECT_TRUE(snapshot.stats.bytes_sent_valid);
    EXPECT_GT(snapshot.stats.packets_received, 0U);

    const std::uint32_t consumer = wait_for(there, "live");
    Recorder frames;
    const std::uint32_t reading =
        made(moq_consume_track(consumer, "chat", 4, nullptr, Recorder::callback, &frames));
    EXPECT_EQ(moq_publish_track_frame(track, bytes("over the wire"), 13, 5), 0);
    EXPECT_EQ(take_frame(frames.next()), "over the wire");

    // What the client could send is shared by what it publishes, once somebody reads that.
    const std::uint32_t allocator = made(moq_session_bandwidth(session));
    const std::uint32_t claim = made(moq_bandwidth_reserve(allocator, track, 1'000));
    EXPECT_EQ(moq_bandwidth_close(allocator), 0);
    std::uint64_t bps = 0;
    bool present = false;
    EXPECT_EQ(moq_reservation_grant(claim, &bps, &present), 0);
    EXPECT_TRUE(present);
    EXPECT_EQ(bps, 1'000U);
    EXPECT_EQ(moq_reservation_update(claim, 500), 0);
    EXPECT_EQ(moq_reservation_grant(claim, &bps, &present), 0);
    EXPECT_EQ(bps, 500U);

    EXPECT_EQ(moq_session_close(session), 0);
    EXPECT_EQ(status.next(), 0);
    EXPECT_EQ(moq_reservation_grant(claim, &bps, &present), 0);
    EXPECT_FALSE(present);
    EXPECT_EQ(moq_reservation_close(claim), 0);
    EXPECT_EQ(moq_reservation_close(claim), MOQ_ERROR_NOT_FOUND);
    EXPECT_EQ(moq_session_stats(session, &snapshot.stats), MOQ_ERROR_SESSION_NOT_FOUND);
    EXPECT_LT(hall.sessions().next().value_or(0), 0);
    EXPECT_EQ(moq_consume_track_close(reading), 0);
    EXPECT_EQ(frames.terminal(), 0);
    moq_publish_track_finish(track);
    moq_consume_close(consumer);
    moq_client_close(client);
  }
  moq_publish_finish(broadcast);
  moq_origin_close(here);
  moq_origin_close(there);
}

TEST(Server, RefusesWhatItCannotUse) {
  Recorder requests;
  moq_server_config config{.bind = "127.0.0.1:0", .bind_len = 11};
  EXPECT_EQ(moq_server_listen(nullptr, Recorder::callback, &requests), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_server_listen(&config, nullptr, nullptr), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_server_listen(&config, Recorder::callback, &requests), MOQ_ERROR_INVALID_CONFIG);
  const moq_string missing{.data = "/nowhere.pem", .len = 12};
  config.tls_cert = config.tls_key = &missing;
  config.tls_cert_len = config.tls_key_len = 1;
  EXPECT_EQ(moq_server_listen(&config, Recorder::callback, &requests), MOQ_ERROR_INVALID_CONFIG);
  EXPECT_NE(std::string(moq_error()).find("/nowhere.pem"), std::string::npos) << moq_error();
}

}  // namespace
}  // namespace moq::capi
