#include "moq/av/ffmpeg/internal/picture.h"

namespace moq::av::ffmpeg {
namespace {

/// Swscale's number for the matrix of a stream. One that does not say has ours.
int matrix_of(AVColorSpace space) {
  switch (space) {
    case AVCOL_SPC_BT709:
      return SWS_CS_ITU709;
    case AVCOL_SPC_FCC:
      return SWS_CS_FCC;
    case AVCOL_SPC_SMPTE240M:
      return SWS_CS_SMPTE240M;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      return SWS_CS_BT2020;
    default:
      return SWS_CS_ITU601;
  }
}

void set(SwsContext& context, const char* option, int value) {
  const int done = av_opt_set_int(&context, option, value, 0);
  MOQ_ASSERT(done >= 0);
}

}  // namespace

AVPixelFormat to_av(PixelFormat format) {
  return format == PixelFormat::rgba ? AV_PIX_FMT_RGBA : AV_PIX_FMT_YUV420P;
}

Result<void> check_size(std::uint32_t width, std::uint32_t height) {
  const std::string size = std::to_string(width) + "x" + std::to_string(height);
  if (width == 0 || height == 0 || width % 2 != 0 || height % 2 != 0) {
    return fail(Code::invalid_argument, size + ": both sides must be even and not 0");
  }
  if (width > kMaxPictureSide || height > kMaxPictureSide ||
      std::uint64_t{width} * height > kMaxPicturePixels) {
    return fail(Code::invalid_argument, size + " is too large");
  }
  return {};
}

std::size_t picture_bytes(PixelFormat format, std::uint32_t width, std::uint32_t height) {
  const std::size_t pixels = std::size_t{width} * height;
  return format == PixelFormat::rgba ? pixels * 4 : pixels * 3 / 2;
}

Planes planes_of(PixelFormat format, std::uint32_t width, std::uint32_t height,
                 std::uint8_t* data) {
  Planes planes;
  const int stride = static_cast<int>(width);
  planes.data[0] = data;
  if (format == PixelFormat::rgba) {
    planes.strides[0] = stride * 4;
    return planes;
  }
  const std::size_t luma = std::size_t{width} * height;
  planes.strides[0] = stride;
  planes.data[1] = data + luma;
  planes.data[2] = data + luma + luma / 4;
  planes.strides[1] = planes.strides[2] = stride / 2;
  return planes;
}

Result<void> Scaler::prepare(const Source& from, const Target& to) {
  if (context_ && from == from_ && to == to_) return {};
  const bool same_size = from.width == to.width && from.height == to.height;
  const int quality = same_size ? SWS_POINT : SWS_BILINEAR;
  context_.reset(sws_alloc_context());
  MOQ_ASSERT(context_ != nullptr);
  set(*context_, "srcw", from.width);
  set(*context_, "srch", from.height);
  set(*context_, "src_format", from.format);
  set(*context_, "src_range", from.full_range ? 1 : 0);
  set(*context_, "dstw", to.width);
  set(*context_, "dsth", to.height);
  set(*context_, "dst_format", to.format);
  set(*context_, "sws_flags", quality | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT);
  const int ready = sws_init_context(context_.get(), nullptr, nullptr);
  if (ready < 0) {
    context_.reset();
    return std::unexpected(error_of(Code::internal, ready, "swscale"));
  }
  constexpr int kOne = 1 << 16;  // Contrast and saturation are left as they are.
  // Formats that have no matrix or range refuse this, which is as well.
  sws_setColorspaceDetails(context_.get(), sws_getCoefficients(matrix_of(from.matrix)),
                           from.full_range ? 1 : 0, sws_getCoefficients(SWS_CS_ITU601), 0, 0, kOne,
                           kOne);
  from_ = from;
  to_ = to;
  return {};
}

Result<void> Scaler::scale(const Source& from, const std::uint8_t* const* data, const int* strides,
                           const Target& to, const Planes& planes) {
  MOQ_CHECK(prepare(from, to));
  const int rows =
      sws_scale(context_.get(), data, strides, 0, from.height, planes.data, planes.strides);
  if (rows != to.height) return fail(Code::internal, "swscale: the picture was not converted");
  return {};
}

}  // namespace moq::av::ffmpeg
