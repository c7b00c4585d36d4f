#include "moq/capi/internal/failure.h"

#include <gtest/gtest.h>

namespace moq::capi {
namespace {

TEST(Failure, SomeCausesHaveTheirOwnCodesWhereverTheyComeFrom) {
  EXPECT_EQ(to_status(Error(Code::unauthorized), MOQ_ERROR_MOQ), MOQ_ERROR_UNAUTHORIZED);
  EXPECT_EQ(to_status(Error(Code::forbidden), MOQ_ERROR_MOQ), MOQ_ERROR_FORBIDDEN);
  EXPECT_EQ(to_status(Error(Code::bad_config), MOQ_ERROR_MOQ), MOQ_ERROR_INVALID_CONFIG);
  EXPECT_EQ(to_status(Error(Code::timeout), MOQ_ERROR_CONNECT), MOQ_ERROR_CONNECT);
}

TEST(Failure, OfAnApplicationIsAboveTheProtocolsCodes) {
  const Failure failure(application_error(7), MOQ_ERROR_MOQ);
  EXPECT_EQ(failure.status, MOQ_ERROR_MOQ);
  ASSERT_TRUE(failure.protocol);
  EXPECT_EQ(failure.protocol->code, 71U);
  EXPECT_EQ(failure.protocol->kind, std::uint32_t{MOQ_PROTOCOL_KIND_APP});
}

TEST(Failure, OfOursHasNoProtocol) {
  EXPECT_FALSE(Failure(Error(Code::not_found, "no"), MOQ_ERROR_MOQ).protocol);
  EXPECT_FALSE(Failure(MOQ_ERROR_URL, "no").protocol);
}

}  // namespace
}  // namespace moq::capi
