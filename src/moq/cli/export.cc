#include "moq/cli/stage.h"

namespace moq::cli {

kio::Task<Result<void>> export_media(Stage& stage) {
  (void)stage;
  co_return fail(Code::unsupported, "export");
}

}  // namespace moq::cli
