/*
 * moq.h - libmoq, Media over QUIC for C: publish, relay and watch live media.
 *
 * In short: functions return a positive handle (or count), 0, or a negative MOQ_ERROR_ code, whose
 * words moq_error() has. A callback gets any number of positive values and then exactly one
 * terminal, 0 or negative, on the library's own thread and without any library lock held; only
 * after that one is its user_data yours again. Text and data are passed with their length and
 * copied. Every function may be called from every thread and from inside every callback. Each
 * function refuses 0 and what cannot be a handle with -7, text that is not UTF-8 with -4 and NULL
 * with a length, or in place of a structure, with -6; "string errors" are the last two.
 *
 * The functions are those of libmoq 0.5, the ones that 0.6 added where they do not clash with it
 * ("0.6:"), and older names. docs/c-api.md tells more, docs/moving-from-rust.md what differs.
 */
#ifndef MOQ_H
#define MOQ_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* For export attributes; empty unless the build defines it. */
#ifndef MOQ_API
#define MOQ_API
#endif

/* Marks old names; define MOQ_NO_DEPRECATED to use them without a warning. */
#if !defined(MOQ_DEPRECATED)
#if defined(__GNUC__) && !defined(MOQ_NO_DEPRECATED)
#define MOQ_DEPRECATED(hint) __attribute__((deprecated(hint)))
#else
#define MOQ_DEPRECATED(hint)
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- callbacks */

/* Receives a positive value, 0 on a clean end, or a negative error. */
typedef void (*moq_status_callback)(void* user_data, int32_t code);

/* -------------------------------------------------------------- error codes */

#define MOQ_ERROR_MOQ (-2)
#define MOQ_ERROR_URL (-3)
#define MOQ_ERROR_UTF8 (-4)
#define MOQ_ERROR_CONNECT (-5)
#define MOQ_ERROR_INVALID_POINTER (-6)
#define MOQ_ERROR_INVALID_ID (-7)
#define MOQ_ERROR_NOT_FOUND (-8)
#define MOQ_ERROR_UNKNOWN_FORMAT (-9)
#define MOQ_ERROR_INIT_FAILED (-10)
#define MOQ_ERROR_TIMESTAMP_OVERFLOW (-13)
#define MOQ_ERROR_LEVEL (-14)
#define MOQ_ERROR_INVALID_CODE (-15)
#define MOQ_ERROR_PANIC (-16)
#define MOQ_ERROR_OFFLINE (-17)
#define MOQ_ERROR_HANG (-18)
#define MOQ_ERROR_NO_INDEX (-19)
#define MOQ_ERROR_NUL (-20)
#define MOQ_ERROR_SESSION_NOT_FOUND (-21)
#define MOQ_ERROR_ORIGIN_NOT_FOUND (-22)
#define MOQ_ERROR_ANNOUNCEMENT_NOT_FOUND (-23)
#define MOQ_ERROR_BROADCAST_NOT_FOUND (-24)
#define MOQ_ERROR_CATALOG_NOT_FOUND (-25)
#define MOQ_ERROR_MEDIA_NOT_FOUND (-26)
#define MOQ_ERROR_TRACK_NOT_FOUND (-27)
#define MOQ_ERROR_FRAME_NOT_FOUND (-28)
#define MOQ_ERROR_MUX (-29)
#define MOQ_ERROR_AUDIO (-30)
#define MOQ_ERROR_BUFFER_NOT_CONSUMED (-31)
#define MOQ_ERROR_GROUP_NOT_FOUND (-32)
#define MOQ_ERROR_NATIVE (-33)
#define MOQ_ERROR_UNAUTHORIZED (-34)
#define MOQ_ERROR_FORBIDDEN (-35)
#define MOQ_ERROR_VIDEO (-36)
#define MOQ_ERROR_JSON (-37)
#define MOQ_ERROR_JSON_TRACK (-38)
#define MOQ_ERROR_CLIENT_NOT_FOUND (-39) /* retired in 0.6 */
#define MOQ_ERROR_INVALID_CONFIG (-40)
#define MOQ_ERROR_UNRESOLVABLE_BROADCAST (-41) /* 0.6 */

/* ------------------------------------------------------------- enumerations
 * The API passes these as uint32_t; a value outside the list is refused with
 * MOQ_ERROR_INVALID_CODE. */

/* Wrapping of a rendition's frames. */
typedef enum moq_container_kind {
  MOQ_CONTAINER_KIND_LEGACY = 0,  /* varint timestamp in microseconds, then the codec data */
  MOQ_CONTAINER_KIND_CMAF = 1,    /* moof + mdat, described by an init segment */
  MOQ_CONTAINER_KIND_LOC = 2,     /* property block, then the codec data */
  MOQ_CONTAINER_KIND_UNKNOWN = 3, /* read only: this library cannot parse it */
} moq_container_kind;

/* PCM sample layout, as in WebCodecs. 0.6 has the same numbers under moq_audio_sample_format. */
typedef enum moq_audio_format {
  MOQ_AUDIO_FORMAT_U8 = 0,
  MOQ_AUDIO_FORMAT_S16 = 1,
  MOQ_AUDIO_FORMAT_S32 = 2,
  MOQ_AUDIO_FORMAT_F32 = 3,
  MOQ_AUDIO_FORMAT_U8_PLANAR = 4,
  MOQ_AUDIO_FORMAT_S16_PLANAR = 5,
  MOQ_AUDIO_FORMAT_S32_PLANAR = 6,
  MOQ_AUDIO_FORMAT_F32_PLANAR = 7,
} moq_audio_format;

/* Pixel layout of raw pictures. */
typedef enum moq_video_pixel_format {
  MOQ_VIDEO_PIXEL_FORMAT_I420 = 0, /* Y, U, V planes; width * height * 3 / 2 bytes */
  MOQ_VIDEO_PIXEL_FORMAT_RGBA = 1, /* width * height * 4 bytes */
} moq_video_pixel_format;

/* Codec of an encoded video track. */
typedef enum moq_video_codec {
  MOQ_VIDEO_CODEC_H264 = 0,
  MOQ_VIDEO_CODEC_H265 = 1,
} moq_video_codec;

/* Which encoder to use. */
typedef enum moq_video_encoder_kind {
  MOQ_VIDEO_ENCODER_KIND_AUTO = 0, /* hardware if there is any, else software */
  MOQ_VIDEO_ENCODER_KIND_HARDWARE = 1,
  MOQ_VIDEO_ENCODER_KIND_SOFTWARE = 2,
  MOQ_VIDEO_ENCODER_KIND_NAMED = 3, /* by moq_video_encoder_output.encoder */
} moq_video_encoder_kind;

/* 0.6: PCM sample layout. */
typedef enum moq_audio_sample_format {
  MOQ_AUDIO_SAMPLE_FORMAT_U8 = 0,
  MOQ_AUDIO_SAMPLE_FORMAT_S16 = 1,
  MOQ_AUDIO_SAMPLE_FORMAT_S32 = 2,
  MOQ_AUDIO_SAMPLE_FORMAT_F32 = 3,
  MOQ_AUDIO_SAMPLE_FORMAT_U8_PLANAR = 4,
  MOQ_AUDIO_SAMPLE_FORMAT_S16_PLANAR = 5,
  MOQ_AUDIO_SAMPLE_FORMAT_S32_PLANAR = 6,
  MOQ_AUDIO_SAMPLE_FORMAT_F32_PLANAR = 7,
} moq_audio_sample_format;

/* 0.6: audio codec of moq_audio_init. There the tag is moq_audio_format, taken here by the PCM
 * layouts. */
typedef enum moq_audio_import_format {
  MOQ_AUDIO_FORMAT_AAC = 0,
  MOQ_AUDIO_FORMAT_OPUS = 1,
  MOQ_AUDIO_FORMAT_FLAC = 2,
  MOQ_AUDIO_FORMAT_MP3 = 3,
} moq_audio_import_format;

/* 0.6: video codec and framing of moq_video_init. */
typedef enum moq_video_format {
  MOQ_VIDEO_FORMAT_AVC1 = 0, /* H.264, length-prefixed, avcC apart */
  MOQ_VIDEO_FORMAT_AVC3 = 1, /* H.264, Annex B, parameter sets in band */
  MOQ_VIDEO_FORMAT_HVC1 = 2, /* H.265, length-prefixed, hvcC apart */
  MOQ_VIDEO_FORMAT_HEV1 = 3, /* H.265, Annex B, parameter sets in band */
  MOQ_VIDEO_FORMAT_AV01 = 4,
  MOQ_VIDEO_FORMAT_VP8 = 5,
  MOQ_VIDEO_FORMAT_VP9 = 6,
} moq_video_format;

/* 0.6: container of moq_container_init. */
typedef enum moq_container_format {
  MOQ_CONTAINER_FORMAT_FMP4 = 0,
  MOQ_CONTAINER_FORMAT_MKV = 1,
  MOQ_CONTAINER_FORMAT_TS = 2,
  MOQ_CONTAINER_FORMAT_FLV = 3,
} moq_container_format;

/* 0.6: positive values of a demand callback. */
typedef enum moq_demand {
  MOQ_DEMAND_USED = 1,
  MOQ_DEMAND_UNUSED = 2,
} moq_demand;

/* 0.6: which registry a protocol code is from. */
typedef enum moq_error_scope {
  MOQ_ERROR_SCOPE_SESSION = 0,
  MOQ_ERROR_SCOPE_STREAM = 1,
} moq_error_scope;

/* 0.6: recognised protocol failures; 8 to 10 are not assigned. */
typedef enum moq_protocol_kind {
  MOQ_PROTOCOL_KIND_CANCEL = 0,
  MOQ_PROTOCOL_KIND_INTERNAL = 1,
  MOQ_PROTOCOL_KIND_UNAUTHORIZED = 2,
  MOQ_PROTOCOL_KIND_PROTOCOL_VIOLATION = 3,
  MOQ_PROTOCOL_KIND_KEY_VALUE_FORMATTING = 4,
  MOQ_PROTOCOL_KIND_GOAWAY_TIMEOUT = 5,
  MOQ_PROTOCOL_KIND_TIMEOUT = 6,
  MOQ_PROTOCOL_KIND_VERSION = 7,
  MOQ_PROTOCOL_KIND_DELIVERY_TIMEOUT = 11,
  MOQ_PROTOCOL_KIND_SESSION_CLOSED = 12,
  MOQ_PROTOCOL_KIND_GOING_AWAY = 13,
  MOQ_PROTOCOL_KIND_TOO_FAR_BEHIND = 14,
  MOQ_PROTOCOL_KIND_MALFORMED_TRACK = 15,
  MOQ_PROTOCOL_KIND_NOT_FOUND = 16,
  MOQ_PROTOCOL_KIND_UNROUTABLE = 17,
  MOQ_PROTOCOL_KIND_OLD = 18,
  MOQ_PROTOCOL_KIND_EVICTED = 19,
  MOQ_PROTOCOL_KIND_WRONG_SIZE = 20,
  MOQ_PROTOCOL_KIND_FRAME_TOO_LARGE = 21,
  MOQ_PROTOCOL_KIND_TIMESTAMP_MISMATCH = 22,
  MOQ_PROTOCOL_KIND_APP = 23,
  MOQ_PROTOCOL_KIND_UNKNOWN = 24,
} moq_protocol_kind;

/* --------------------------------------------------------------- structures */

/* Borrowed UTF-8 text, not NUL-terminated. */
typedef struct moq_string {
  const char* data;
  uintptr_t len;
} moq_string;

/* Connection statistics; a number counts only if its flag is set. */
typedef struct moq_connection_stats {
  uint64_t rtt_us; /* smoothed round trip */
  bool rtt_valid;
  uint64_t send_rate_bps; /* congestion controller's estimate */
  bool send_rate_valid;
  uint64_t recv_rate_bps; /* estimate from probing */
  bool recv_rate_valid;
  uint64_t bytes_sent;
  bool bytes_sent_valid;
  uint64_t bytes_received;
  bool bytes_received_valid;
  uint64_t bytes_lost;
  bool bytes_lost_valid;
  uint64_t packets_sent;
  bool packets_sent_valid;
  uint64_t packets_received;
  bool packets_received_valid;
  uint64_t packets_lost;
  bool packets_lost_valid;
} moq_connection_stats;

/* A broadcast that came or went. */
typedef struct moq_announced {
  const char* path;
  uintptr_t path_len;
  bool active;
} moq_announced;

/* Catalog properties shared by all video renditions. */
typedef struct moq_video_properties {
  uint32_t display_width;
  uint32_t display_height;
  bool has_display;
  double rotation; /* degrees clockwise */
  bool has_rotation;
  bool flip; /* mirrored horizontally, after the rotation */
  bool has_flip;
} moq_video_properties;

/* Container of a rendition; all zero is the legacy container. */
typedef struct moq_container {
  uint32_t kind;       /* moq_container_kind */
  const uint8_t* init; /* CMAF only: ftyp + moov */
  uintptr_t init_len;
} moq_container;

/* A video rendition. Text and bytes carry their length; NULL means absent. */
typedef struct moq_video_config {
  const char* name;
  uintptr_t name_len;
  const char* codec;
  uintptr_t codec_len;
  const uint8_t* description;
  uintptr_t description_len;
  const uint32_t* coded_width;
  const uint32_t* coded_height;
  struct moq_container container;
} moq_video_config;

/* An audio rendition. */
typedef struct moq_audio_config {
  const char* name;
  uintptr_t name_len;
  const char* codec;
  uintptr_t codec_len;
  const uint8_t* description;
  uintptr_t description_len;
  uint32_t sample_rate;
  uint32_t channel_count;
  struct moq_container container;
} moq_audio_config;

/* Publisher side of a raw track; all zero is the default. */
typedef struct moq_track_info {
  uint8_t priority;
  bool ordered;
  uint64_t latency_max_ms; /* how long an old group is kept */
  bool latency_max_valid;
  uint64_t timescale; /* ticks per second; default 1000000 */
  bool timescale_valid;
} moq_track_info;

/* Options of a JSON snapshot track. */
typedef struct moq_json_snapshot_config {
  uint32_t delta_ratio; /* 0: no deltas; producer only */
  bool compression;     /* DEFLATE; same on both sides */
} moq_json_snapshot_config;

/* Options of a JSON stream track. */
typedef struct moq_json_stream_config {
  bool compression; /* DEFLATE; same on both sides */
} moq_json_stream_config;

/* One application section of a catalog. */
typedef struct moq_section {
  const char* name;
  uintptr_t name_len;
  const char* json;
  uintptr_t json_len;
} moq_section;

/* A media or raw frame. */
typedef struct moq_frame {
  const uint8_t* payload;
  uintptr_t payload_size;
  uint64_t timestamp_us;
  bool keyframe;
} moq_frame;

/* Subscriber side of a raw track. */
typedef struct moq_subscription {
  uint8_t priority; /* higher goes first */
  bool ordered;
  uint64_t latency_max_ms; /* 0: skip an older group at once */
  uint64_t group_start;    /* first group; default: the latest */
  bool group_start_valid;
  uint64_t group_end; /* last group, inclusive; default: none */
  bool group_end_valid;
} moq_subscription;

/* A datagram of a raw track. */
typedef struct moq_datagram {
  const uint8_t* payload;
  uintptr_t payload_size;
  uint64_t timestamp_us;
  uint64_t sequence;
} moq_datagram;

/* A JSON value. */
typedef struct moq_json_value {
  const char* json;
  uintptr_t json_len;
} moq_json_value;

/* PCM given to an audio encoder. */
typedef struct moq_audio_encoder_input {
  uint32_t format; /* moq_audio_format */
  uint32_t sample_rate;
  uint32_t channels;
} moq_audio_encoder_input;

/* What an audio encoder makes; 0 means: as the input, or the codec's default. */
typedef struct moq_audio_encoder_output {
  const char* codec;
  uintptr_t codec_len;
  uint32_t sample_rate;
  uint32_t channels;
  uint32_t bitrate;
  uint32_t frame_duration_ms;
} moq_audio_encoder_output;

/* PCM in either direction. */
typedef struct moq_audio_frame {
  uint64_t timestamp_us;
  const uint8_t* data;
  uintptr_t data_size;
} moq_audio_frame;

/* PCM wanted from an audio decoder; 0 keeps the codec's own. */
typedef struct moq_audio_decoder_output {
  uint32_t format; /* moq_audio_format */
  uint32_t sample_rate;
  uint32_t channels;
  uint64_t latency_max_ms;
} moq_audio_decoder_output;

/* Pictures given to a video encoder. */
typedef struct moq_video_encoder_input {
  uint32_t format; /* moq_video_pixel_format */
  uint32_t width;  /* even */
  uint32_t height; /* even */
  uint32_t framerate;
} moq_video_encoder_input;

/* What a video encoder makes; 0 means unset. */
typedef struct moq_video_encoder_output {
  uint32_t codec; /* moq_video_codec */
  uint64_t bitrate;
  uint32_t gop;  /* frames between keyframes */
  uint32_t kind; /* moq_video_encoder_kind */
  const char* encoder;
  uintptr_t encoder_len;
} moq_video_encoder_output;

/* One picture for a video encoder. */
typedef struct moq_video_encoder_frame {
  uint64_t timestamp_us;
  const uint8_t* data;
  uintptr_t data_size;
} moq_video_encoder_frame;

/* Options of a video decoder. */
typedef struct moq_video_decoder_output {
  uint64_t latency_max_ms;
} moq_video_decoder_output;

/* One decoded picture. */
typedef struct moq_video_frame {
  uint64_t timestamp_us;
  uint32_t width;
  uint32_t height;
  const uint8_t* data;
  uintptr_t data_size;
} moq_video_frame;

/* --------------------------------------------------- structures added by 0.6 */

/* What a peer or a stream failed with. */
typedef struct moq_protocol_error {
  uint32_t scope; /* moq_error_scope */
  uint32_t code;  /* as on the wire */
  uint32_t kind;  /* moq_protocol_kind */
} moq_protocol_error;

/* Dial settings with presence flags; all zero is the default everywhere. */
typedef struct moq_client_config {
  const struct moq_string* versions;
  uintptr_t versions_len;
  const char* bind;
  uintptr_t bind_len;
  uint64_t connect_timeout_us;
  bool has_connect_timeout;
  uint64_t failover_delay_us;
  bool has_failover_delay;
  uint64_t resolution_delay_us;
  bool has_resolution_delay;
  bool websocket_enabled;
  bool has_websocket_enabled;
  uint64_t websocket_delay_us;
  bool has_websocket_delay;
  bool tls_disable_verify;
  bool tls_system_roots;
  bool has_tls_system_roots;
  const struct moq_string* tls_roots;
  uintptr_t tls_roots_len;
  const struct moq_string* tls_fingerprints;
  uintptr_t tls_fingerprints_len;
  const char* tls_host_name;
  uintptr_t tls_host_name_len;
  const char* tls_cert;
  uintptr_t tls_cert_len;
  const char* tls_key;
  uintptr_t tls_key_len;
  uint64_t backoff_initial_us;
  bool has_backoff_initial;
  uint32_t backoff_multiplier;
  bool has_backoff_multiplier;
  uint64_t backoff_max_us;
  bool has_backoff_max;
  uint64_t backoff_timeout_us;
  bool has_backoff_timeout;
  uint64_t quic_max_streams;
  bool has_quic_max_streams;
  uint64_t quic_idle_timeout_us;
  bool has_quic_idle_timeout;
  uint64_t quic_keep_alive_us;
  bool has_quic_keep_alive;
  bool quic_gso;
  bool has_quic_gso;
  bool quic_mtu_discovery;
  bool has_quic_mtu_discovery;
  const char* quic_congestion_control;
  uintptr_t quic_congestion_control_len;
  const char* quic_qlog;
  uintptr_t quic_qlog_len;
} moq_client_config;

/* Statistics and protocol of one connection. */
typedef struct moq_connection_snapshot {
  struct moq_connection_stats stats;
  struct moq_string protocol;
} moq_connection_snapshot;

/* Settings of a listener; all zero but for the certificate is fine. */
typedef struct moq_server_config {
  const char* bind; /* default "[::]:443" */
  uintptr_t bind_len;
  const struct moq_string* tls_cert; /* PEM chains, paired with tls_key */
  uintptr_t tls_cert_len;
  const struct moq_string* tls_key;
  uintptr_t tls_key_len;
  const struct moq_string* tls_generate; /* host names of a self-signed certificate */
  uintptr_t tls_generate_len;
} moq_server_config;

/* Hops and price of a route; all zero is the default. */
typedef struct moq_route {
  const uint64_t* hops; /* oldest first; 0 is an anonymous hop */
  uintptr_t hops_len;
  uint64_t cost; /* lower wins */
  uint64_t cold; /* price without discounts */
  bool has_cold; /* false: cold is cost */
} moq_route;

/* A new audio track. */
typedef struct moq_audio_init {
  uint32_t format; /* moq_audio_import_format */
  const uint8_t* init;
  uintptr_t init_len;
  const char* label;
  uintptr_t label_len;
} moq_audio_init;

/* Catalog fields that a bitstream does not reveal. */
typedef struct moq_video_hint {
  uint32_t coded_width;
  uint32_t coded_height;
  bool has_coded;
  uint64_t bitrate;
  bool has_bitrate;
  double framerate;
  bool has_framerate;
  bool optimize_for_latency;
  bool has_optimize_for_latency;
} moq_video_hint;

/* A new video track. */
typedef struct moq_video_init {
  uint32_t format; /* moq_video_format */
  const uint8_t* init;
  uintptr_t init_len;
  const char* label;
  uintptr_t label_len;
  struct moq_video_hint hint;
} moq_video_init;

/* A new container import. */
typedef struct moq_container_init {
  uint32_t format; /* moq_container_format */
  const uint8_t* init;
  uintptr_t init_len;
} moq_container_init;

/* Options of a binary track. */
typedef struct moq_binary_config {
  bool compression;
  const char* mime;
  uintptr_t mime_len;
} moq_binary_config;

/* The 0.6 layouts of structures whose tag means something else in 0.5. */

/* 0.6 moq_track_info. */
typedef struct moq_track_info_v2 {
  uint8_t priority;
  uint64_t max_age_us;
  bool max_age_present;
  uint64_t timescale;
  bool timescale_present;
} moq_track_info_v2;

/* 0.6 moq_audio_encoder_output. */
typedef struct moq_audio_encoder_output_v2 {
  const char* codec;
  uintptr_t codec_len;
  uint32_t sample_rate;
  uint32_t channels;
  uint32_t bitrate;
  uint32_t frame_duration_us;
} moq_audio_encoder_output_v2;

/* 0.6 moq_audio_decoder_output. */
typedef struct moq_audio_decoder_output_v2 {
  uint32_t format; /* moq_audio_sample_format */
  uint32_t sample_rate;
  uint32_t channels;
  uint64_t max_age_us;
} moq_audio_decoder_output_v2;

/* 0.6 moq_video_decoder_output. */
typedef struct moq_video_decoder_output_v2 {
  uint64_t max_age_us;
  uint32_t format; /* moq_video_pixel_format */
  uint32_t width;
  uint32_t height;
} moq_video_decoder_output_v2;

/* ------------------------------------------------------------------ library */

/* Start logging to stderr: "error", "warn", "info", "debug", "trace", or "" for the default
 * level. Meant to be called once, before anything else; every other function works without it.
 * Level names are matched without regard to case. Returns 0. Errors: -14 unknown level, -33 a
 * logger is installed already, string errors. */
MOQ_API int32_t moq_log_level(const char* level, uintptr_t level_len);

/* Text of the last failure recorded on this thread, or NULL if there has been none.
 * NUL-terminated UTF-8. Written by every failing call on the thread that made it, and by the
 * library thread just before it hands a negative code to a callback (so it can be read inside
 * the callback). Not cleared by a later success, so look at the code first. Lifetime: only until
 * this thread calls the library again; copy it to keep it. Never free it. Threads do not see
 * each other's text. */
MOQ_API const char* moq_error(void);

/* 0.6: Scope, wire code and kind behind the last failure of this thread, if a peer or stream
 * caused it. Companion of moq_error for failures that are a session close or a stream reset.
 * Does not itself overwrite the recorded failure. Returns 0 and fills out, or -8 (and leaves out
 * alone) when the last failure was local, -6 for NULL. An application abort code n appears as
 * kind MOQ_PROTOCOL_KIND_APP, scope stream, code 64 + n. */
MOQ_API int32_t moq_error_protocol(struct moq_protocol_error* out);

/* List the protocol versions offered by default; returns how many there are. Writes at most
 * count entries, best first; returns the full number whatever count was. Use (NULL, 0) to size
 * the array. Every listed name is accepted by moq_client_set_versions. The strings are static.
 * Errors: -6 NULL dst with count > 0. */
MOQ_API int32_t moq_versions(struct moq_string* dst, uintptr_t count);

/* List the QUIC backends compiled in; returns how many there are. Same shape as moq_versions.
 * Every listed name is accepted by moq_client_set_backend. */
MOQ_API int32_t moq_backends(struct moq_string* dst, uintptr_t count);

/* Whether qlog capture is compiled in. When false, moq_client_set_quic_qlog still stores a
 * directory, but dialing with it fails with -40. */
MOQ_API bool moq_qlog_supported(void);

/* ----------------------------------------------------- client configuration */

/* New configuration with the default settings. Returns a handle; release it with
 * moq_client_close. */
MOQ_API int32_t moq_client_create(void);

/* Release a configuration; sessions dialed with it are unaffected. Errors: -39 unknown or
 * already closed. */
MOQ_API int32_t moq_client_close(uint32_t client);

/* 0.6: The default settings by value, for display. Cannot fail. Numbers whose default is fixed
 * come with their has_ flag set; GSO, path MTU discovery, congestion control and the system
 * roots come back unset. */
MOQ_API struct moq_client_config moq_client_defaults(void);

/* Offer only these protocol versions; an empty list offers all again. Names as in moq_versions.
 * The handle form is checked first, then the array, then the names, then the handle is looked
 * up: a bad name with an unknown handle gives -40, with handle 0 gives -7. Nothing is changed on
 * error. Errors: -40 unknown name, -6/-4 array or string. */
MOQ_API int32_t moq_client_set_versions(uint32_t client, const struct moq_string* versions,
                                        uintptr_t count);

/* Choose the QUIC backend by name; NULL or "" chooses automatically. The name is checked before
 * the handle. Errors: -40 unknown or not compiled in. */
MOQ_API int32_t moq_client_set_backend(uint32_t client, const char* backend, uintptr_t backend_len);

/* Local UDP address, default "[::]:0". Needs an IP literal and a port; a missing port, a host
 * name, NULL or "" is -40. The address is checked before the handle. */
MOQ_API int32_t moq_client_set_bind(uint32_t client, const char* addr, uintptr_t addr_len);

/* Limit of one connection attempt, dial and handshake together (default 30000 ms, 0 = none). */
MOQ_API int32_t moq_client_set_connect_timeout(uint32_t client, uint64_t timeout_ms);

/* Stagger between dialing resolved addresses (default 250 ms, 0 = all at once). IPv6 and IPv4
 * take turns; whichever finishes first is used. */
MOQ_API int32_t moq_client_set_failover_delay(uint32_t client, uint64_t delay_ms);

/* How long an early IPv4-only DNS answer waits for the full one (default 50 ms, 0 = not at all).
 */
MOQ_API int32_t moq_client_set_resolution_delay(uint32_t client, uint64_t delay_ms);

/* Head start of QUIC over the WebSocket fallback (default 200 ms). A server that WebSocket has
 * already won against gets no head start the next time. */
MOQ_API int32_t moq_client_set_websocket_delay(uint32_t client, uint64_t delay_ms);

/* Allow the WebSocket fallback (default true). */
MOQ_API int32_t moq_client_set_websocket_enabled(uint32_t client, bool enabled);

/* Accept any certificate; for development only. */
MOQ_API int32_t moq_client_set_tls_disable_verify(uint32_t client, bool disable);

/* Trust the platform's root certificates in addition to custom ones, or not at all. Unset: the
 * platform's roots are used only while no custom root is configured. */
MOQ_API int32_t moq_client_set_tls_system_roots(uint32_t client, bool enabled);

/* PEM files with root certificates to trust; an empty list restores the default. The files are
 * read when dialing: a missing one makes the dial fail with -40. Errors here: -6/-4 array or
 * string. */
MOQ_API int32_t moq_client_set_tls_roots(uint32_t client, const struct moq_string* paths,
                                         uintptr_t count);

/* Pin the certificate to a list of SHA-256 fingerprints; an empty list clears. 64 hexadecimal
 * digits each, either case, no separators. Values are checked before the handle; on a bad one
 * nothing changes. Errors: -40 malformed, -6/-4. */
MOQ_API int32_t moq_client_set_tls_fingerprints(uint32_t client,
                                                const struct moq_string* fingerprints,
                                                uintptr_t count);

/* Server name for TLS instead of the URL's host; NULL or "" clears. */
MOQ_API int32_t moq_client_set_tls_host_name(uint32_t client, const char* name, uintptr_t name_len);

/* PEM certificate chain to present; NULL or "" clears. Only meaningful together with
 * moq_client_set_tls_key; one without the other makes the dial fail with -40. Read when dialing. */
MOQ_API int32_t moq_client_set_tls_cert(uint32_t client, const char* path, uintptr_t path_len);

/* PEM private key for the certificate; NULL or "" clears. */
MOQ_API int32_t moq_client_set_tls_key(uint32_t client, const char* path, uintptr_t path_len);

/* First reconnect delay (default 1000 ms). 0 is stored, but dialing with it is refused with -40.
 */
MOQ_API int32_t moq_client_set_backoff_initial(uint32_t client, uint64_t delay_ms);

/* Growth of the delay after each failure (default 2, 1 = constant). 0 is stored, but dialing
 * with it is refused with -40. */
MOQ_API int32_t moq_client_set_backoff_multiplier(uint32_t client, uint32_t multiplier);

/* Ceiling of the delay (default 5000 ms). 0 is stored, but dialing with it is refused with -40. */
MOQ_API int32_t moq_client_set_backoff_max(uint32_t client, uint64_t delay_ms);

/* Give up after failing for this long (default 10000 ms, 0 = never). */
MOQ_API int32_t moq_client_set_backoff_timeout(uint32_t client, uint64_t timeout_ms);

/* Concurrent streams per connection and direction kind (default 1024); QUIC only. */
MOQ_API int32_t moq_client_set_quic_max_streams(uint32_t client, uint64_t max_streams);

/* Drop a silent connection after this long (default 30000 ms); QUIC only. Values of 2^62 and
 * more are stored, but dialing with them is refused with -40. */
MOQ_API int32_t moq_client_set_quic_idle_timeout(uint32_t client, uint64_t timeout_ms);

/* Ping interval (default 5000 ms, 0 = no pings); QUIC only. */
MOQ_API int32_t moq_client_set_quic_keep_alive(uint32_t client, uint64_t interval_ms);

/* UDP segmentation offload (default on); QUIC only. */
MOQ_API int32_t moq_client_set_quic_gso(uint32_t client, bool enabled);

/* Path MTU discovery (default off); QUIC only. */
MOQ_API int32_t moq_client_set_quic_mtu_discovery(uint32_t client, bool enabled);

/* "loss" (CUBIC) or "delay" (BBR); NULL or "" for the backend's choice. The name is checked
 * before the handle. Errors: -40 other name. */
MOQ_API int32_t moq_client_set_quic_congestion_control(uint32_t client, const char* family,
                                                       uintptr_t family_len);

/* Directory for qlog traces; NULL or "" turns them off. */
MOQ_API int32_t moq_client_set_quic_qlog(uint32_t client, const char* dir, uintptr_t dir_len);

/* Read the attempt limit in ms. All getters: report what was set, or the default if nothing was;
 * 0 that was set reads back as 0. out is checked before the handle: -6 NULL, then -7/-39.
 * Returns 0. */
MOQ_API int32_t moq_client_get_connect_timeout(uint32_t client, uint64_t* out);

/* Read the address stagger in ms. */
MOQ_API int32_t moq_client_get_failover_delay(uint32_t client, uint64_t* out);

/* Read the DNS resolution delay in ms. */
MOQ_API int32_t moq_client_get_resolution_delay(uint32_t client, uint64_t* out);

/* Read the first reconnect delay in ms. */
MOQ_API int32_t moq_client_get_backoff_initial(uint32_t client, uint64_t* out);

/* Read the delay growth factor. */
MOQ_API int32_t moq_client_get_backoff_multiplier(uint32_t client, uint32_t* out);

/* Read the delay ceiling in ms. */
MOQ_API int32_t moq_client_get_backoff_max(uint32_t client, uint64_t* out);

/* Read the give-up time in ms (0 = never). */
MOQ_API int32_t moq_client_get_backoff_timeout(uint32_t client, uint64_t* out);

/* Read the stream limit. */
MOQ_API int32_t moq_client_get_quic_max_streams(uint32_t client, uint64_t* out);

/* Read the idle timeout in ms. */
MOQ_API int32_t moq_client_get_quic_idle_timeout(uint32_t client, uint64_t* out);

/* Read the ping interval in ms (0 = none). */
MOQ_API int32_t moq_client_get_quic_keep_alive(uint32_t client, uint64_t* out);

/* Read whether the WebSocket fallback may be used. */
MOQ_API int32_t moq_client_get_websocket_enabled(uint32_t client, bool* out);

/* Read the WebSocket head start in ms. */
MOQ_API int32_t moq_client_get_websocket_delay(uint32_t client, uint64_t* out);

/* ----------------------------------------------------------------- sessions */

/* Like moq_session_connect, with the settings of a configuration (0 = defaults). The settings
 * are copied and the certificate files read before it returns. Errors: as there, -39
 * configuration, -40 settings that cannot be used (missing file, certificate without key,
 * backoff of 0, idle timeout of 2^62 and more, unusable qlog directory). */
MOQ_API int32_t moq_client_connect(const char* url, uintptr_t url_len, uint32_t client,
                                   uint32_t origin_publish, uint32_t origin_consume,
                                   void (*on_status)(void* user_data, int32_t code),
                                   void* user_data);

/* Connect and stay connected; reports epochs 1, 2, ... then one terminal code. Dials in the
 * background and again after every loss, with a growing delay (initially 1 s, at most 5 s),
 * until it has failed for 10 s. on_status gets the number of the connection each time one is up,
 * and nothing when it is lost; then, last of all, 0 after moq_session_close,
 * MOQ_ERROR_UNAUTHORIZED or MOQ_ERROR_FORBIDDEN if the server refuses us, or MOQ_ERROR_CONNECT
 * if there was no connection for too long. What origin_publish holds is announced to the server,
 * what the server announces appears in origin_consume; 0 switches a direction off. Returns a
 * session handle without waiting. Errors: -6, -4 and -3 for the URL, -7, -22 origin; then
 * nothing was started. */
MOQ_API int32_t moq_session_connect(const char* url, uintptr_t url_len, uint32_t origin_publish,
                                    uint32_t origin_consume,
                                    void (*on_status)(void* user_data, int32_t code),
                                    void* user_data);

/* Ask a session to end; its last status callback follows. Returns 0 at once and may be called
 * from any thread and from inside on_status. Errors: -21 unknown, already closing, or already
 * over. */
MOQ_API int32_t moq_session_close(uint32_t session);

/* Statistics of the live connection behind a session. Returns 0 and overwrites all of
 * dst. Errors: -6 NULL, -21 unknown or over, -17 between connections (dst untouched). */
MOQ_API int32_t moq_session_stats(uint32_t session, struct moq_connection_stats* dst);

/* 0.6: Statistics and the negotiated protocol of the same live connection. Errors as
 * moq_session_stats. dst->protocol is a static string. */
MOQ_API int32_t moq_session_snapshot(uint32_t session, struct moq_connection_snapshot* dst);

/* 0.6: The session's bandwidth allocator, as a handle. Every call gives a new handle onto one
 * shared registry. Release with moq_bandwidth_close. Errors: -21, and -17 for an accepted
 * session that has not finished its handshake. */
MOQ_API int32_t moq_session_bandwidth(uint32_t session);

/* 0.6: Release an allocator handle; reservations made with it stay. Errors: -8 unknown. */
MOQ_API int32_t moq_bandwidth_close(uint32_t bandwidth);

/* 0.6: Claim up to max_bps for a raw track; returns a reservation handle. max_bps is the most
 * the track may ever send. Reservations whose track has a subscriber share the connection's
 * estimate; none gets more than its ceiling, together they do not exceed the estimate. Release
 * with moq_reservation_close. Errors: -27 track, -8 allocator. */
MOQ_API int32_t moq_bandwidth_reserve(uint32_t bandwidth, uint32_t track, uint64_t max_bps);

/* 0.6: Current share of a reservation in bits per second. *present false (and *bps 0) means that
 * nothing is known or nobody subscribes: keep the present rate. True with 0 is a real grant of
 * nothing. Errors: -6, -8. */
MOQ_API int32_t moq_reservation_grant(uint32_t reservation, uint64_t* bps, bool* present);

/* 0.6: Change the ceiling of a reservation. Errors: -8. */
MOQ_API int32_t moq_reservation_update(uint32_t reservation, uint64_t max_bps);

/* 0.6: Give a share back. A handle obtained from an encoder (moq_encode_*_reservation) is only a
 * view: closing it leaves the encoder's own claim in place. Errors: -8. */
MOQ_API int32_t moq_reservation_close(uint32_t reservation);

/* ------------------------------------------------------------------- server */

/* 0.6: Accept sessions on a local address. Binds before returning. on_request gets a
 * session-request handle per incoming session, then exactly one terminal: 0 after
 * moq_server_close, or an error. Answer each request with accept, reject or free. Returns a
 * server handle. Errors: -6 NULL config or callback, -40 bad address, unreadable or missing
 * certificate (one of cert+key or generate is required). */
MOQ_API int32_t moq_server_listen(const struct moq_server_config* config,
                                  moq_status_callback on_request, void* user_data);

/* 0.6: The bound address as text: IP literal, colon, port. The string belongs to the server and
 * lives until its terminal callback. Errors: -6, -8. */
MOQ_API int32_t moq_server_addr(uint32_t server, struct moq_string* dst);

/* 0.6: SHA-256 fingerprints (hex) of the server's certificates; returns how many there are.
 * Sizing as in moq_versions. Strings live until the terminal callback. Errors: -6, -8. */
MOQ_API int32_t moq_server_fingerprints(uint32_t server, struct moq_string* dst, uintptr_t count);

/* 0.6: Stop listening; accepted sessions go on. Returns 0 at once. By the time of the terminal
 * on_request the sockets are free: inside it the address can be listened on anew. Errors: -8
 * unknown or already closing. */
MOQ_API int32_t moq_server_close(uint32_t server);

/* 0.6: Path the peer asked for, "" for the root. Without the query. Borrowed from the request:
 * gone after accept, reject or free. Errors: -6, -8. */
MOQ_API int32_t moq_session_request_path(uint32_t request, struct moq_string* dst);

/* 0.6: Query the peer sent, without '?'; NULL data if it sent none. Usual carrier of a token.
 * Lifetime and errors as above. */
MOQ_API int32_t moq_session_request_query(uint32_t request, struct moq_string* dst);

/* 0.6: Complete the handshake; returns a session handle. Origins as in moq_session_connect.
 * on_status: 1 once the handshake is done (an accepted session never reconnects, so never more),
 * then exactly one terminal: 0 after moq_session_close, negative on a failed handshake or a
 * close by the peer. All moq_session_* calls work on the handle; statistics and bandwidth say
 * -17 until the handshake is done. Uses up the request only on success. Errors: -6 NULL
 * callback, -22 origin, -8 request. */
MOQ_API int32_t moq_session_request_accept(uint32_t request, uint32_t origin_publish,
                                           uint32_t origin_consume, moq_status_callback on_status,
                                           void* user_data);

/* 0.6: Refuse with an HTTP-like status; uses up the request. 401 and 403 become the protocol's
 * unauthorized close, everything else an application error. Errors: -8. */
MOQ_API int32_t moq_session_request_reject(uint32_t request, uint16_t code);

/* 0.6: Drop a request unanswered, which closes the peer's session. Errors: -8. */
MOQ_API int32_t moq_session_request_free(uint32_t request);

/* ------------------------------------------------------------------ origins */

/* New origin: a set of broadcasts addressed by path. Returns a handle; release with
 * moq_origin_close. */
MOQ_API int32_t moq_origin_create(void);

/* Release an origin handle. Only the handle goes: broadcasts made on it, sessions using it,
 * listeners and waits started on it keep the origin alive and working, and those listeners and
 * waits are *not* ended by this call. Errors: -22. */
MOQ_API int32_t moq_origin_close(uint32_t origin);

/* Create a broadcast at a path and announce it. Returns a broadcast handle, to be ended with
 * moq_publish_finish. Paths lose leading, trailing and repeated slashes; "" is a valid path; at
 * most 32 parts. Several broadcasts may be made at one path: consumers see one, and taking over
 * is silent. Errors: -22, -2 too many parts, string errors. */
MOQ_API int32_t moq_origin_publish(uint32_t origin, const char* path, uintptr_t path_len);

/* 0.6: Create a broadcast at a path without announcing it. Invisible and unroutable, locally
 * too, until moq_publish_announce. Otherwise like moq_origin_publish. */
MOQ_API int32_t moq_origin_create_broadcast(uint32_t origin, const char* path, uintptr_t path_len);

/* Listen for broadcasts coming and going. First reports what is live already, then every change.
 * NULL callback accepted. The same path alternates between active and inactive. Returns a
 * listener handle, stopped with moq_origin_announced_close. */
MOQ_API int32_t moq_origin_announced(uint32_t origin,
                                     void (*on_announce)(void* user_data, int32_t announced),
                                     void* user_data);

/* Path and state of one announcement. dst->path borrows the record: valid until
 * moq_origin_announced_free. Records outlive their listener. */
MOQ_API int32_t moq_origin_announced_info(uint32_t announced, struct moq_announced* dst);

/* Free one announcement. Needed for each delivered handle. Errors: -23 (also for a listener
 * handle). */
MOQ_API int32_t moq_origin_announced_free(uint32_t announced);

/* Stop a listener; its terminal callback follows. Errors: -23 unknown, already closing or over. */
MOQ_API int32_t moq_origin_announced_close(uint32_t announced);

/* 0.6: Newer name of moq_origin_announced_close. Identical. */
MOQ_API int32_t moq_origin_announced_cancel(uint32_t announced);

/* Wait until a path is announced, then hand out its broadcast. Calls on_broadcast with a
 * broadcast-consumer handle as soon as the exact path is announced (now or later), then with 0.
 * If cancelled first: only 0. If it can never happen: only a negative code (-24). Longer paths
 * and a merely hidden broadcast do not match. Returns a wait handle. The delivered handle is
 * released separately with moq_consume_close. Errors: -22, string errors. */
MOQ_API int32_t moq_origin_consume_announced(uint32_t origin, const char* path, uintptr_t path_len,
                                             void (*on_broadcast)(void* user_data,
                                                                  int32_t broadcast),
                                             void* user_data);

/* Cancel a wait; its terminal callback follows. Errors: -8 unknown, already closing or over.
 * Accepts request handles as well (one family). A broadcast that was already delivered is
 * unaffected. */
MOQ_API int32_t moq_origin_consume_announced_close(uint32_t task);

/* 0.6: Newer name of moq_origin_consume_announced. Same, except that a NULL callback is refused
 * with -6. */
MOQ_API int32_t moq_origin_announced_broadcast(uint32_t origin, const char* path,
                                               uintptr_t path_len, moq_status_callback on_broadcast,
                                               void* user_data);

/* 0.6: Newer name of moq_origin_consume_announced_close. Identical. */
MOQ_API int32_t moq_origin_announced_broadcast_cancel(uint32_t task);

/* Get a broadcast that can be served now, or fail. Resolves against what the origin has at this
 * moment (a broadcast that is live but not announced counts) and against dynamic handlers.
 * Served: handle, then 0. Not servable: only -2. Cancelled: only 0. Asking right after
 * moq_origin_publish or right after connecting can come too early; use the wait above then.
 * Returns a request handle (same family as the waits). Errors: -22, string errors. */
MOQ_API int32_t moq_origin_request(uint32_t origin, const char* path, uintptr_t path_len,
                                   void (*on_broadcast)(void* user_data, int32_t broadcast),
                                   void* user_data);

/* Cancel a request; its terminal callback follows. Errors: -8. */
MOQ_API int32_t moq_origin_request_close(uint32_t task);

/* 0.6: Newer name of moq_origin_request_close. Identical. */
MOQ_API int32_t moq_origin_request_cancel(uint32_t task);

/* Look a broadcast up at once. Deprecated: use moq_origin_request or
 * moq_origin_consume_announced. Returns a broadcast-consumer handle if the path is live at this
 * instant. Errors: -24 it is not, -22, string errors. */
MOQ_API MOQ_DEPRECATED("use moq_origin_request") int32_t
    moq_origin_consume(uint32_t origin, const char* path, uintptr_t path_len);

/* --------------------------------------------------- publishing: broadcasts */

/* Take a broadcast off the air or put it back. Off the air: listeners see it go inactive, waits
 * ignore it, but an exact request still reaches it. Repeating the present state is a silent
 * success. Errors: -24. */
MOQ_API int32_t moq_publish_set_announce(uint32_t broadcast, bool announce);

/* 0.6: Announce a broadcast, or change its route. NULL is the default route. Errors: -24, -6
 * hops, -40 invalid hop. */
MOQ_API int32_t moq_publish_announce(uint32_t broadcast, const struct moq_route* route);

/* 0.6: Withdraw a broadcast: invisible and unroutable until announced again. Unlike
 * moq_publish_set_announce(false) an exact request fails too; tracks already subscribed go on.
 * Errors: -24. */
MOQ_API int32_t moq_publish_unannounce(uint32_t broadcast);

/* End a broadcast and release its handle. The path is withdrawn at once (inactive, unless it was
 * off the air) and the catalog track is finished. Track, group, media and JSON handles made on
 * it stay valid and are finished separately. Its consumers see a normal end. Errors: -24. */
MOQ_API int32_t moq_publish_finish(uint32_t broadcast);

/* 0.6: Other name of moq_publish_finish, in 0.3 and again in 0.6. Identical. */
MOQ_API int32_t moq_publish_close(uint32_t broadcast);

/* New broadcast without an origin. Deprecated: use moq_origin_create_broadcast. Nothing can
 * announce it. Returns a broadcast handle. */
MOQ_API MOQ_DEPRECATED("use moq_origin_create_broadcast") int32_t moq_publish_create(void);

/* Set the catalog properties shared by all video renditions. Replaces all three: a field whose
 * has_ flag is false is removed. Rotation is rounded to the nearest quarter turn, halves up,
 * result in [0, 360). Errors: -6, -24, -18 rotation not finite (nothing changes). */
MOQ_API int32_t moq_publish_video_properties(uint32_t broadcast,
                                             const struct moq_video_properties* properties);

/* Add a video rendition to the catalog, or replace one that was added so. Everything is copied.
 * name and codec are required (may be empty); description, coded_width, coded_height NULL to
 * leave out. A codec string of a known kind (avc1. avc3. hvc1. hev1. vp09. av01. mp4a.40.) is
 * checked and written in canonical form, others are kept. Errors: -6, -4, -18 codec string, or a
 * name that a media track has; -15 container kind unknown, -6 CMAF without an init segment, -24. */
MOQ_API int32_t moq_publish_video_config(uint32_t broadcast, const struct moq_video_config* config);

/* Add an audio rendition to the catalog. As moq_publish_video_config; sample_rate and
 * channel_count are written as given. */
MOQ_API int32_t moq_publish_audio_config(uint32_t broadcast, const struct moq_audio_config* config);

/* Remove a video rendition that moq_publish_video_config added. Unknown names, and those of
 * media tracks, are a silent success. Errors: -24, string errors. */
MOQ_API int32_t moq_publish_video_remove(uint32_t broadcast, const char* name, uintptr_t name_len);

/* Remove an audio rendition from the catalog. As moq_publish_video_remove. */
MOQ_API int32_t moq_publish_audio_remove(uint32_t broadcast, const char* name, uintptr_t name_len);

/* Set an application section of the catalog to a JSON value. It is parsed and written again:
 * object keys sorted, insignificant space dropped, 1e3 becomes 1000.0. Errors: -37 not exactly
 * one JSON value, -29 a name that is the catalog's own (video, audio, ...), -24, string errors. */
MOQ_API int32_t moq_publish_catalog_section(uint32_t broadcast, const char* name,
                                            uintptr_t name_len, const char* json,
                                            uintptr_t json_len);

/* Remove an application section. Unknown names are a silent success. Errors: -24, string errors.
 */
MOQ_API int32_t moq_publish_catalog_section_remove(uint32_t broadcast, const char* name,
                                                   uintptr_t name_len);

/* -------------------------------------------------------- publishing: media */

/* New media track (or container) fed with already encoded data. format decides how init and the
 * frames are read: docs/c-api.md lists them. A codec track is named N.format with the first free
 * N, is put in the catalog by itself (audio: at once, from init; video: when its parameters are
 * known) and leaves it when finished. A container may publish several tracks. Returns a media
 * handle. Errors: -9 unknown format, -29 unusable init data, -24, -6/-4. */
MOQ_API int32_t moq_publish_media(uint32_t broadcast, const char* format, uintptr_t format_len,
                                  const uint8_t* init, uintptr_t init_size);

/* Old name of moq_publish_media. Identical. */
MOQ_API MOQ_DEPRECATED("use moq_publish_media") int32_t
    moq_publish_media_ordered(uint32_t broadcast, const char* format, uintptr_t format_len,
                              const uint8_t* init, uintptr_t init_size);

/* Write one encoded frame, in decode order. For containers the timestamp is ignored. The payload
 * is copied. Audio: every frame becomes a group. Video: a keyframe opens a group; Annex-B
 * keyframes are delivered with their parameter sets in front. Errors: -26, -13 timestamp >= 2^62
 * us, -29 undecodable or a delta frame before any keyframe, -6. Check order: handle form,
 * payload, timestamp, lookup. */
MOQ_API int32_t moq_publish_media_frame(uint32_t media, const uint8_t* payload,
                                        uintptr_t payload_size, uint64_t timestamp_us);

/* End a media track and release its handle. Flushes, ends the track cleanly for its subscribers
 * (0), retires its catalog entry. Errors: -26, -29. */
MOQ_API int32_t moq_publish_media_finish(uint32_t media);

/* Old name of moq_publish_media_finish. Identical. */
MOQ_API MOQ_DEPRECATED("use moq_publish_media_finish") int32_t
    moq_publish_media_close(uint32_t media);

/* 0.6: New audio track from a codec number, init data and a label. format is one of
 * MOQ_AUDIO_FORMAT_AAC/OPUS/FLAC/MP3; init is required. Frames go into one group until
 * moq_publish_media_cut (a track of moq_publish_media starts a group per audio frame). Returns a
 * media handle (same family as moq_publish_media). Errors: -6 NULL, -15 format, -29 init data,
 * -24, string errors. */
MOQ_API int32_t moq_publish_audio(uint32_t broadcast, const struct moq_audio_init* config);

/* 0.6: New video track from a codec number, init data, a label and hints. init may be NULL for
 * formats that carry their parameters in band. Returns a media handle. Errors as above. */
MOQ_API int32_t moq_publish_video(uint32_t broadcast, const struct moq_video_init* config);

/* 0.6: Close the current group; a further frame begins another. Codec tracks only. Errors: -26
 * (also for containers). */
MOQ_API int32_t moq_publish_media_cut(uint32_t media);

/* 0.6: Close the current group and set the number of the following one. Errors: -26, -29
 * sequence not usable. */
MOQ_API int32_t moq_publish_media_seek(uint32_t media, uint64_t sequence);

/* 0.6: Note that a locally encoded frame has just been handed over (measures jitter). Errors:
 * -26, -13. */
MOQ_API int32_t moq_publish_media_flush(uint32_t media, uint64_t timestamp_us);

/* 0.6: Mark a break in the timeline. Video must resume with a keyframe. Errors: -26, -29. */
MOQ_API int32_t moq_publish_media_discontinuity(uint32_t media);

/* 0.6: Watch whether anybody subscribes to a media track. on_demand gets the present moq_demand
 * state at once (always, even if cancelled immediately), each change (level-triggered: a double
 * flip may collapse), then exactly one terminal: 0 track ended or watcher cancelled, negative if
 * the track was aborted. Returns a watcher handle. Errors: -6 NULL callback, -26 (also for
 * containers). */
MOQ_API int32_t moq_publish_media_demand(uint32_t media, moq_status_callback on_demand,
                                         void* user_data);

/* 0.6: Stop a demand watcher; its terminal callback follows. Serves all four kinds of watcher.
 * Errors: -8. */
MOQ_API int32_t moq_publish_demand_cancel(uint32_t watcher);

/* 0.6: New container import; it publishes the tracks it finds. format: MOQ_CONTAINER_FORMAT_*.
 * Returns a container handle, a family of its own: media calls refuse it. Errors: -6, -15, -29,
 * -24. */
MOQ_API int32_t moq_publish_container(uint32_t broadcast, const struct moq_container_init* config);

/* 0.6: Feed container bytes; timing comes from the container. Errors: -26, -29, -6. */
MOQ_API int32_t moq_publish_container_write(uint32_t container, const uint8_t* payload,
                                            uintptr_t payload_size);

/* 0.6: Start a new group on every track with the next chunk. Formats without segments ignore it.
 * Errors: -26. */
MOQ_API int32_t moq_publish_container_cut(uint32_t container);

/* 0.6: The same, numbering the new groups. Errors: -26, -29. */
MOQ_API int32_t moq_publish_container_seek(uint32_t container, uint64_t sequence);

/* 0.6: End all tracks of a container and release its handle. Errors: -26, -29. */
MOQ_API int32_t moq_publish_container_finish(uint32_t container);

/* --------------------------------------------------- publishing: raw tracks */

/* New raw track; NULL info for the defaults. No codec, no catalog entry. NULL info (and a zeroed
 * one) means microsecond timescale, priority 0. Returns a track handle. Errors: -2 a live track
 * has that name (catalog.json is taken), -13 timescale 0 or >= 2^62, -24, string errors. */
MOQ_API int32_t moq_publish_track(uint32_t broadcast, const char* name, uintptr_t name_len,
                                  const struct moq_track_info* info);

/* Open the next group; returns a group handle. Numbered one above the highest so far. Errors:
 * -27, -2 at or past a declared end. */
MOQ_API int32_t moq_publish_track_group(uint32_t track);

/* Open a group with a given number. May lie behind the newest. Errors: -27, -2 number used
 * already or at/past a declared end. */
MOQ_API int32_t moq_publish_track_group_at(uint32_t track, uint64_t sequence);

/* Write a group of one frame. Timestamps may go backwards; they are truncated to the track's
 * timescale. Payload copied, may be empty. Errors: -13 timestamp >= 2^62, -6, -27, -2. */
MOQ_API int32_t moq_publish_track_frame(uint32_t track, const uint8_t* payload,
                                        uintptr_t payload_size, uint64_t timestamp_us);

/* Send a datagram on a track; best effort. Takes its number from the same sequence as the groups
 * and stores it in *out_sequence if that is not NULL (untouched on failure). What is larger than
 * the path carries, some 1200 bytes, is lost. Errors: -2 above 65535 bytes or past a declared
 * end, -13, -6, -27. */
MOQ_API int32_t moq_publish_track_datagram(uint32_t track, const uint8_t* payload,
                                           uintptr_t payload_size, uint64_t timestamp_us,
                                           uint64_t* out_sequence);

/* End a track and release its handle. Subscribers get what was written, then 0. Keeps an end
 * declared with finish_at. The name may be used again. Errors: -27. */
MOQ_API int32_t moq_publish_track_finish(uint32_t track);

/* Old name of moq_publish_track_finish. Identical. */
MOQ_API MOQ_DEPRECATED("use moq_publish_track_finish") int32_t
    moq_publish_track_close(uint32_t track);

/* Declare the first group number that will not exist. The track stays open for lower numbers;
 * finish it when they are written. Errors: -27, -2 declared already, or below a group that
 * exists. */
MOQ_API int32_t moq_publish_track_finish_at(uint32_t track, uint64_t final_sequence);

/* End a track with an application error and release its handle. Subscribers get -2. On the wire
 * the code is 64 + error_code. Errors: -27. */
MOQ_API int32_t moq_publish_track_abort(uint32_t track, uint16_t error_code);

/* Append a frame to an open group. Delivered at once, before the group is finished. Errors: -13,
 * -6, -32, -2. */
MOQ_API int32_t moq_publish_group_frame(uint32_t group, const uint8_t* payload,
                                        uintptr_t payload_size, uint64_t timestamp_us);

/* End a group and release its handle. Errors: -32. */
MOQ_API int32_t moq_publish_group_finish(uint32_t group);

/* Old name of moq_publish_group_finish. Identical. */
MOQ_API MOQ_DEPRECATED("use moq_publish_group_finish") int32_t
    moq_publish_group_close(uint32_t group);

/* End a group with an application error and release its handle. The track goes on. Errors: -32. */
MOQ_API int32_t moq_publish_group_abort(uint32_t group, uint16_t error_code);

/* 0.6: Watch whether anybody subscribes to a raw track. Contract of moq_publish_media_demand.
 * Errors: -6, -27. */
MOQ_API int32_t moq_publish_track_demand(uint32_t track, moq_status_callback on_demand,
                                         void* user_data);

/* 0.6: Serve subscriptions to tracks that were not declared. While it lives, a subscription to
 * an unknown name waits for an answer instead of failing. on_request gets a track-request handle
 * per name, then exactly one terminal: 0 when the broadcast ends or the handler is cancelled.
 * Returns a handle. Errors: -6, -24. */
MOQ_API int32_t moq_publish_dynamic(uint32_t broadcast, moq_status_callback on_request,
                                    void* user_data);

/* 0.6: Serve fetches of groups that are no longer cached. on_group gets a group-request handle
 * per miss, then exactly one terminal. Errors: -6, -27. */
MOQ_API int32_t moq_publish_track_dynamic(uint32_t track, moq_status_callback on_group,
                                          void* user_data);

/* 0.6: End the serving of track or group requests; those not delivered yet are refused. The
 * terminal callback follows. Errors: -8. */
MOQ_API int32_t moq_publish_dynamic_cancel(uint32_t dynamic);

/* 0.6: Track name of a request. Borrowed until the request is used up. Errors: -6, -8. */
MOQ_API int32_t moq_track_request_name(uint32_t request, struct moq_string* dst);

/* 0.6: Serve group fetches on a track that is still being requested. If it was a fetch that
 * caused the request, that fetch is waiting already; registering here, ahead of the accept,
 * keeps it. Errors: -6, -8. */
MOQ_API int32_t moq_track_request_dynamic(uint32_t request, moq_status_callback on_group,
                                          void* user_data);

/* 0.6: Accept as a raw track; returns a track handle and uses up the request. NULL info as in
 * moq_publish_track. The struct carries the 0.6 layout under our own tag because moq_track_info
 * is the 0.5 one. Errors: -13, -8. */
MOQ_API int32_t moq_track_request_accept(uint32_t request, const struct moq_track_info_v2* info);

/* 0.6: Accept as an audio track; returns a media handle. Uses up the request. Errors: -6, -15,
 * -29, -8. */
MOQ_API int32_t moq_track_request_audio(uint32_t request, const struct moq_audio_init* config);

/* 0.6: Accept as a video track; returns a media handle. As above. */
MOQ_API int32_t moq_track_request_video(uint32_t request, const struct moq_video_init* config);

/* 0.6: Refuse with an application code; uses up the request. The waiting subscribers get -2.
 * Errors: -8. */
MOQ_API int32_t moq_track_request_abort(uint32_t request, uint16_t error_code);

/* 0.6: Drop a request, which refuses it. Errors: -8. */
MOQ_API int32_t moq_track_request_free(uint32_t request);

/* 0.6: Group number a fetch asks for. Errors: -6, -8. */
MOQ_API int32_t moq_group_request_sequence(uint32_t request, uint64_t* dst);

/* 0.6: Priority the fetching consumer asked for. Errors: -6, -8. */
MOQ_API int32_t moq_group_request_priority(uint32_t request, uint8_t* dst);

/* 0.6: Index of the first wanted frame; 0 means the group from its start. Errors: -6, -8. */
MOQ_API int32_t moq_group_request_frame_start(uint32_t request, uint64_t* dst);

/* 0.6: Answer a fetch; returns a group handle positioned at the first wanted frame. Uses up the
 * request. Fill it with moq_publish_group_frame, end it with moq_publish_group_finish. Errors:
 * -8, -2 the group is cached already. */
MOQ_API int32_t moq_group_request_accept(uint32_t request);

/* 0.6: Refuse with an application code; uses up the request. Errors: -8. */
MOQ_API int32_t moq_group_request_abort(uint32_t request, uint16_t error_code);

/* 0.6: Drop a request, which refuses it. Errors: -8. */
MOQ_API int32_t moq_group_request_free(uint32_t request);

/* --------------------------------------- publishing: json and binary tracks */

/* New JSON track that carries one latest value. Not put in the catalog . Returns a JSON snapshot
 * handle. Errors: -6 NULL config, -2 name taken, -24, string errors. */
MOQ_API int32_t moq_publish_json_snapshot(uint32_t broadcast, const char* name, uintptr_t name_len,
                                          const struct moq_json_snapshot_config* config);

/* Publish a new value; an equal one is skipped. Any JSON value; equality after parsing. Errors:
 * -37 (also for an empty string), -6, -27, -38/-2 from the track. */
MOQ_API int32_t moq_publish_json_snapshot_update(uint32_t json, const char* value,
                                                 uintptr_t value_len);

/* End the track and release its handle. Errors: -27. */
MOQ_API int32_t moq_publish_json_snapshot_finish(uint32_t json);

/* New JSON track that keeps every record. Errors as for the snapshot. A later subscriber
 * receives all records from the first on. */
MOQ_API int32_t moq_publish_json_stream(uint32_t broadcast, const char* name, uintptr_t name_len,
                                        const struct moq_json_stream_config* config);

/* Append a record. Equal records are kept. Errors: -37, -6, -27, -38/-2. */
MOQ_API int32_t moq_publish_json_stream_append(uint32_t stream, const char* value,
                                               uintptr_t value_len);

/* End the track and release its handle. Errors: -27. */
MOQ_API int32_t moq_publish_json_stream_finish(uint32_t stream);

/* 0.6: New track whose latest payload replaces the one before; listed in the catalog. Catalog
 * entry binary.tracks.NAME, mode snapshot, with mime and compression when set; retired with the
 * track. Read by raw subscribers. Errors: -6, -2/-29 name taken, -24, string errors. */
MOQ_API int32_t moq_publish_binary_snapshot(uint32_t broadcast, const char* name,
                                            uintptr_t name_len,
                                            const struct moq_binary_config* config);

/* 0.6: Publish a new payload. Errors: -27, -6, -29. */
MOQ_API int32_t moq_publish_binary_snapshot_update(uint32_t binary, const uint8_t* payload,
                                                   uintptr_t payload_len);

/* 0.6: End the track and release its handle. Errors: -27. */
MOQ_API int32_t moq_publish_binary_snapshot_finish(uint32_t binary);

/* 0.6: New track that keeps every payload; listed in the catalog. As the snapshot form, mode
 * stream. */
MOQ_API int32_t moq_publish_binary_stream(uint32_t broadcast, const char* name, uintptr_t name_len,
                                          const struct moq_binary_config* config);

/* 0.6: Append a payload. Errors: -27, -6, -29. */
MOQ_API int32_t moq_publish_binary_stream_append(uint32_t stream, const uint8_t* payload,
                                                 uintptr_t payload_len);

/* 0.6: End the track and release its handle. Errors: -27. */
MOQ_API int32_t moq_publish_binary_stream_finish(uint32_t stream);

/* --------------------------------------- consuming: broadcasts and catalogs */

/* Release a broadcast-consumer handle. Catalog, track, JSON and datagram subscriptions started
 * from it go on. Errors: -24. */
MOQ_API int32_t moq_consume_close(uint32_t consume);

/* Follow the catalog of a broadcast. Each update delivers a snapshot handle (free with
 * moq_consume_catalog_free), then exactly one terminal. An empty broadcast delivers nothing
 * until something is put in its catalog. A late start begins with the newest state. While media
 * flows, detected bitrate and jitter may cause extra updates. Returns a task handle. Errors:
 * -24. NULL callback accepted. */
MOQ_API int32_t moq_consume_catalog(uint32_t broadcast,
                                    void (*on_catalog)(void* user_data, int32_t catalog),
                                    void* user_data);

/* Stop following; the terminal callback comes, snapshots stay. Takes the task handle. Errors:
 * -25 unknown, already closing or over. */
MOQ_API int32_t moq_consume_catalog_close(uint32_t catalog);

/* 0.6: Newer name of moq_consume_catalog_close. Identical. */
MOQ_API int32_t moq_consume_catalog_cancel(uint32_t catalog);

/* Free a snapshot and everything borrowed from it. Takes the snapshot handle. Errors: -25. */
MOQ_API int32_t moq_consume_catalog_free(uint32_t catalog);

/* Describe the index-th video rendition, in name order. All pointers in dst borrow the snapshot:
 * valid until moq_consume_catalog_free. Order is bytewise by name. Absent fields are NULL / 0.
 * Errors: -6, -25, -19 no such index. */
MOQ_API int32_t moq_consume_video_config(uint32_t catalog, uint32_t index,
                                         struct moq_video_config* dst);

/* Whether the publisher advises against a rendition for now. False when the catalog does not
 * say. Errors: -6, -25, -19. */
MOQ_API int32_t moq_consume_video_stalled(uint32_t catalog, uint32_t index, bool* dst);

/* Properties shared by all video renditions, by value. Absent ones read 0 with the flag false.
 * Errors: -6, -25. */
MOQ_API int32_t moq_consume_video_properties(uint32_t catalog, struct moq_video_properties* dst);

/* Describe the index-th audio rendition, in name order. As moq_consume_video_config. */
MOQ_API int32_t moq_consume_audio_config(uint32_t catalog, uint32_t index,
                                         struct moq_audio_config* dst);

/* Number of application sections. Returns the count, possibly 0. Errors: -25. */
MOQ_API int32_t moq_consume_catalog_section_count(uint32_t catalog);

/* Name and JSON of the index-th section, in name order. Borrows the snapshot. Errors: -6, -25,
 * -19. */
MOQ_API int32_t moq_consume_catalog_section_at(uint32_t catalog, uint32_t index,
                                               struct moq_section* dst);

/* JSON of a section by name. Borrows the snapshot. Errors: -8 no such section, -6, -4, -25. */
MOQ_API int32_t moq_consume_catalog_section(uint32_t catalog, const char* name, uintptr_t name_len,
                                            struct moq_string* dst);

/* --------------------------------------------------------- consuming: media */

/* Receive the frames of a video rendition. catalog is a snapshot (it may be freed right
 * afterwards). Groups older than max_latency_ms behind the newest are skipped; 0 skips eagerly.
 * Each frame delivers a frame handle (free with moq_consume_frame_free), in order, then exactly
 * one terminal. Returns a task handle. Errors: -25, -19, -29 container not supported, -41 the
 * track is of another broadcast, which is not there. The unit is milliseconds; libmoq 0.6 has
 * microseconds under the same type. */
MOQ_API int32_t moq_consume_video(uint32_t catalog, uint32_t index, uint64_t max_latency_ms,
                                  void (*on_frame)(void* user_data, int32_t frame),
                                  void* user_data);

/* Old name of moq_consume_video. Identical. */
MOQ_API MOQ_DEPRECATED("use moq_consume_video") int32_t
    moq_consume_video_ordered(uint32_t catalog, uint32_t index, uint64_t max_latency_ms,
                              void (*on_frame)(void* user_data, int32_t frame), void* user_data);

/* Stop receiving; the terminal callback follows. Errors: -27. Video and audio tasks are one
 * family: each close call accepts both. */
MOQ_API int32_t moq_consume_video_close(uint32_t track);

/* 0.6: Newer name of moq_consume_video_close. Identical. */
MOQ_API int32_t moq_consume_video_cancel(uint32_t track);

/* Receive the frames of an audio rendition. As moq_consume_video, including the . */
MOQ_API int32_t moq_consume_audio(uint32_t catalog, uint32_t index, uint64_t max_latency_ms,
                                  void (*on_frame)(void* user_data, int32_t frame),
                                  void* user_data);

/* Old name of moq_consume_audio. Identical. */
MOQ_API MOQ_DEPRECATED("use moq_consume_audio") int32_t
    moq_consume_audio_ordered(uint32_t catalog, uint32_t index, uint64_t max_latency_ms,
                              void (*on_frame)(void* user_data, int32_t frame), void* user_data);

/* Stop receiving; the terminal callback follows. Errors: -27. */
MOQ_API int32_t moq_consume_audio_close(uint32_t track);

/* 0.6: Newer name of moq_consume_audio_close. Identical. */
MOQ_API int32_t moq_consume_audio_cancel(uint32_t track);

/* Payload, timestamp and keyframe flag of a media frame. The payload is in one piece and borrows
 * the frame until moq_consume_frame_free. keyframe: first frame of a group. Frames outlive their
 * task. Errors: -6, -28, -13 timestamp beyond 64 bits. */
MOQ_API int32_t moq_consume_frame(uint32_t frame, struct moq_frame* dst);

/* Free a media frame. Needed for each delivered handle. Errors: -28 (also for raw frames:
 * separate families). */
MOQ_API int32_t moq_consume_frame_free(uint32_t frame);

/* Old name of moq_consume_frame_free. Identical. */
MOQ_API MOQ_DEPRECATED("use moq_consume_frame_free") int32_t
    moq_consume_frame_close(uint32_t frame);

/* ---------------------------------------------------- consuming: raw tracks */

/* Receive the frames of a raw track. Every frame of every delivered group in sequence order, as
 * written. NULL subscription: priority 0, no reordering budget, start at the latest group, no
 * end. group_end is inclusive. Each frame delivers a raw-frame handle (free with
 * moq_consume_track_frame_free), then exactly one terminal: 0 track finished or closed, -2 no
 * such track, aborted, or connection lost. Returns a task handle. Errors: -24, string errors. */
MOQ_API int32_t moq_consume_track(uint32_t broadcast, const char* name, uintptr_t name_len,
                                  const struct moq_subscription* subscription,
                                  void (*on_frame)(void* user_data, int32_t frame),
                                  void* user_data);

/* Change the preferences of a running subscription; NULL resets them. Errors: -27 unknown or
 * over. A closing task may still accept it. */
MOQ_API int32_t moq_consume_track_update(uint32_t track,
                                         const struct moq_subscription* subscription);

/* Payload and timestamp of a raw frame. keyframe is always false. Borrows the frame until freed.
 * Errors: -6, -28, -13. Peers older than moq-lite-05 do not carry timestamps: then it is the
 * time of arrival. */
MOQ_API int32_t moq_consume_track_frame(uint32_t frame, struct moq_frame* dst);

/* Free a raw frame. Errors: -28. */
MOQ_API int32_t moq_consume_track_frame_free(uint32_t frame);

/* Old name of moq_consume_track_frame_free. Identical. */
MOQ_API MOQ_DEPRECATED("use moq_consume_track_frame_free") int32_t
    moq_consume_track_frame_close(uint32_t frame);

/* Stop receiving; the terminal callback follows. Errors: -27 unknown, already closing or over. */
MOQ_API int32_t moq_consume_track_close(uint32_t track);

/* 0.6: Newer name of moq_consume_track_close. Identical. */
MOQ_API int32_t moq_consume_track_cancel(uint32_t track);

/* Receive the datagrams of a raw track. A subscription of its own. Each datagram delivers a
 * handle (free with moq_consume_datagram_free) in arrival order, then exactly one terminal. Over
 * the network they need a transport with datagrams and moq-lite-05 or later. Errors: -24, string
 * errors. */
MOQ_API int32_t moq_consume_datagrams(uint32_t broadcast, const char* name, uintptr_t name_len,
                                      void (*on_datagram)(void* user_data, int32_t datagram),
                                      void* user_data);

/* Payload, timestamp and number of a datagram. Borrows the datagram until freed. Errors: -6,
 * -28. */
MOQ_API int32_t moq_consume_datagram(uint32_t datagram, struct moq_datagram* dst);

/* Free a datagram. Errors: -28. */
MOQ_API int32_t moq_consume_datagram_free(uint32_t datagram);

/* Stop receiving; the terminal callback follows. Errors: -27. */
MOQ_API int32_t moq_consume_datagrams_close(uint32_t task);

/* 0.6: Newer name of moq_consume_datagrams_close. Identical. */
MOQ_API int32_t moq_consume_datagrams_cancel(uint32_t task);

/* ---------------------------------------------------------- consuming: json */

/* Follow the latest value of a JSON track. Each new value delivers a handle (free with
 * moq_consume_json_value_free); a slow consumer may miss intermediate ones. Then exactly one
 * terminal. Only compression of the config is read and must match the producer's. Errors: -6
 * NULL config, -24, string errors. */
MOQ_API int32_t moq_consume_json_snapshot(uint32_t broadcast, const char* name, uintptr_t name_len,
                                          const struct moq_json_snapshot_config* config,
                                          void (*on_value)(void* user_data, int32_t value),
                                          void* user_data);

/* Receive every record of a JSON track, from the first on. As above, lossless and in order. */
MOQ_API int32_t moq_consume_json_stream(uint32_t broadcast, const char* name, uintptr_t name_len,
                                        const struct moq_json_stream_config* config,
                                        void (*on_value)(void* user_data, int32_t value),
                                        void* user_data);

/* JSON text of a delivered value. Compact, keys sorted. Borrows the value until freed. Values
 * outlive their task. Errors: -6, -28. */
MOQ_API int32_t moq_consume_json_value(uint32_t value, struct moq_json_value* dst);

/* Free a value. Errors: -28. */
MOQ_API int32_t moq_consume_json_value_free(uint32_t value);

/* Stop a JSON subscription of either kind; the terminal callback follows. Errors: -27. */
MOQ_API int32_t moq_consume_json_close(uint32_t task);

/* 0.6: Newer name of moq_consume_json_close. Identical. */
MOQ_API int32_t moq_consume_json_cancel(uint32_t task);

/* --------------------------------------------------- built-in codecs: audio */

/* New audio track encoded from PCM by the library. The rendition is in the catalog at once,
 * under the given name. Codec "opus" . Returns an encoder handle. Errors: -6, -15 sample format,
 * -9 codec, -30 unusable rate, channels or frame duration, -24, string errors. */
MOQ_API int32_t moq_publish_audio_raw(uint32_t broadcast, const char* name, uintptr_t name_len,
                                      const struct moq_audio_encoder_input* input,
                                      const struct moq_audio_encoder_output* output);

/* Encode and publish PCM. The data is copied. Blocks the caller for the encoding only, holding
 * no library-wide lock. Errors: -6, -30 (also timestamp overflow), -26. */
MOQ_API int32_t moq_publish_audio_raw_frame(uint32_t producer, const struct moq_audio_frame* frame);

/* Flush, end the track and release the encoder. Errors: -26, -30. */
MOQ_API int32_t moq_publish_audio_raw_finish(uint32_t producer);

/* Old name of moq_publish_audio_raw_finish. Identical. */
MOQ_API MOQ_DEPRECATED("use moq_publish_audio_raw_finish") int32_t
    moq_publish_audio_raw_close(uint32_t producer);

/* Receive an audio rendition decoded to PCM. 0 for rate or channels keeps the codec's own;
 * latency_max_ms as in moq_consume_audio. A packet the codec rejects is skipped. Each frame
 * delivers a handle (free with _frame_free), then exactly one terminal (-30 codec not
 * supported). Errors: -6, -15, -25, -19. */
MOQ_API int32_t moq_consume_audio_raw(uint32_t catalog, uint32_t index,
                                      const struct moq_audio_decoder_output* output,
                                      void (*on_frame)(void* user_data, int32_t frame),
                                      void* user_data);

/* Stop; the terminal callback follows. Errors: -27. */
MOQ_API int32_t moq_consume_audio_raw_close(uint32_t consumer);

/* PCM and timestamp of a decoded frame. Borrows the frame until freed. Errors: -6, -28. */
MOQ_API int32_t moq_consume_audio_raw_frame(uint32_t id, struct moq_audio_frame* dst);

/* Free a decoded audio frame. Errors: -28. */
MOQ_API int32_t moq_consume_audio_raw_frame_free(uint32_t id);

/* 0.6: Newer form of moq_publish_audio_raw, with a bandwidth allocator (0 = none). Frame
 * duration in microseconds (0 = codec default). Returns an encoder handle of the same family as
 * moq_publish_audio_raw. Errors as there, plus -8 allocator. */
MOQ_API int32_t moq_encode_audio(uint32_t broadcast, const char* name, uintptr_t name_len,
                                 const struct moq_audio_encoder_input* input,
                                 const struct moq_audio_encoder_output_v2* output,
                                 uint32_t bandwidth);

/* 0.6: The encoder's bandwidth reservation as a handle, or 0 if it has none. Release the handle
 * with moq_reservation_close; the claim stays until the encoder is finished. Errors: -26. */
MOQ_API int32_t moq_encode_audio_reservation(uint32_t producer);

/* 0.6: Watch whether anybody listens to the encoded track. Contract of moq_publish_media_demand.
 * Errors: -6, -26. */
MOQ_API int32_t moq_encode_audio_demand(uint32_t producer, moq_status_callback on_demand,
                                        void* user_data);

/* 0.6: Newer name of moq_publish_audio_raw_frame. Identical. */
MOQ_API int32_t moq_encode_audio_frame(uint32_t producer, const struct moq_audio_frame* frame);

/* 0.6: Newer name of moq_publish_audio_raw_finish. Identical. */
MOQ_API int32_t moq_encode_audio_finish(uint32_t producer);

/* 0.6: Newer form of moq_consume_audio_raw (maximum age in microseconds). Starts at the newest
 * cached group. NULL callback refused with -6. Frames and tasks are the family of
 * moq_consume_audio_raw. */
MOQ_API int32_t moq_decode_audio(uint32_t catalog, uint32_t index,
                                 const struct moq_audio_decoder_output_v2* output,
                                 moq_status_callback on_frame, void* user_data);

/* 0.6: Newer name of moq_consume_audio_raw_close. Identical. */
MOQ_API int32_t moq_decode_audio_cancel(uint32_t consumer);

/* 0.6: Newer name of moq_consume_audio_raw_frame. Identical. */
MOQ_API int32_t moq_decode_audio_frame(uint32_t id, struct moq_audio_frame* dst);

/* 0.6: Newer name of moq_consume_audio_raw_frame_free. Identical. */
MOQ_API int32_t moq_decode_audio_frame_free(uint32_t id);

/* --------------------------------------------------- built-in codecs: video */

/* New video track encoded from raw pictures by the library. The encoder is opened here (without
 * the library-wide lock), so what it cannot do fails here. Track N.avc3 or N.hev1, in the
 * catalog at once. Returns an encoder handle. Errors: -6, -15 pixel format, codec or kind, -36
 * size, rate or no encoder, -24. */
MOQ_API int32_t moq_publish_video_raw(uint32_t broadcast,
                                      const struct moq_video_encoder_input* input,
                                      const struct moq_video_encoder_output* output);

/* Encode and publish one picture. data must be exactly one picture of the declared format and
 * size; it is copied. A call may publish nothing yet. Blocks for the encoding only. Errors: -6,
 * -36, -13, -26. */
MOQ_API int32_t moq_publish_video_raw_frame(uint32_t producer,
                                            const struct moq_video_encoder_frame* frame);

/* Make the next picture a keyframe, hence a new group. Repeating it before that picture changes
 * nothing. Errors: -26. */
MOQ_API int32_t moq_publish_video_raw_cut(uint32_t producer);

/* Retune the encoder, in bits per second. Without a keyframe. Errors: -36 cannot retune (or not
 * above the opening rate): the encoder goes on as before; -26. */
MOQ_API int32_t moq_publish_video_raw_bitrate(uint32_t producer, uint64_t bitrate);

/* Drain, end the track and release the encoder. If draining fails the track is aborted rather
 * than finished. Errors: -26, -36. */
MOQ_API int32_t moq_publish_video_raw_finish(uint32_t producer);

/* Receive a video rendition decoded to I420. H.264 only: anything else ends with a negative
 * terminal. Each picture delivers a handle (free with _frame_free), then exactly one terminal.
 * Errors: -6, -25, -19. */
MOQ_API int32_t moq_consume_video_raw(uint32_t catalog, uint32_t index,
                                      const struct moq_video_decoder_output* output,
                                      void (*on_frame)(void* user_data, int32_t frame),
                                      void* user_data);

/* Stop; the terminal callback follows. Errors: -27. */
MOQ_API int32_t moq_consume_video_raw_close(uint32_t consumer);

/* Pixels, size and timestamp of a decoded picture. Planes Y, U, V without padding, BT.601
 * limited range, even size. Borrows the picture until freed. Errors: -6, -28. */
MOQ_API int32_t moq_consume_video_raw_frame(uint32_t id, struct moq_video_frame* dst);

/* Free a decoded picture. Errors: -28. */
MOQ_API int32_t moq_consume_video_raw_frame_free(uint32_t id);

/* 0.6: Newer form of moq_publish_video_raw, with a bandwidth allocator (0 = none). With an
 * allocator the encoder follows its share of the estimate. Same family of handles. Errors as
 * there, plus -8 allocator. */
MOQ_API int32_t moq_encode_video(uint32_t broadcast, const struct moq_video_encoder_input* input,
                                 const struct moq_video_encoder_output* output, uint32_t bandwidth);

/* 0.6: The encoder's bandwidth reservation as a handle, or 0 if it has none. As
 * moq_encode_audio_reservation. */
MOQ_API int32_t moq_encode_video_reservation(uint32_t producer);

/* 0.6: Watch whether anybody watches the encoded track. Contract of moq_publish_media_demand.
 * Errors: -6, -26. */
MOQ_API int32_t moq_encode_video_demand(uint32_t producer, moq_status_callback on_demand,
                                        void* user_data);

/* 0.6: Newer name of moq_publish_video_raw_frame. Identical. */
MOQ_API int32_t moq_encode_video_frame(uint32_t producer,
                                       const struct moq_video_encoder_frame* frame);

/* 0.6: Newer name of moq_publish_video_raw_cut. May fail with -36 if the encoder cannot force a
 * keyframe. */
MOQ_API int32_t moq_encode_video_cut(uint32_t producer);

/* 0.6: Newer name of moq_publish_video_raw_bitrate. With an allocator the value also becomes the
 * ceiling of the reservation. */
MOQ_API int32_t moq_encode_video_bitrate(uint32_t producer, uint64_t bitrate);

/* 0.6: Newer name of moq_publish_video_raw_finish. Identical. */
MOQ_API int32_t moq_encode_video_finish(uint32_t producer);

/* 0.6: Newer form of moq_consume_video_raw with a pixel format and a size. I420 or RGBA; 0x0 for
 * the stream's size, otherwise both even and non-zero. Requests are validated before the catalog
 * is looked up. Starts at the newest cached group. Errors: -6 (also NULL callback), -15 format,
 * -40 size, -25, -19. */
MOQ_API int32_t moq_decode_video(uint32_t catalog, uint32_t index,
                                 const struct moq_video_decoder_output_v2* output,
                                 moq_status_callback on_frame, void* user_data);

/* 0.6: Newer name of moq_consume_video_raw_close. Identical. */
MOQ_API int32_t moq_decode_video_cancel(uint32_t consumer);

/* 0.6: Newer name of moq_consume_video_raw_frame. Identical. */
MOQ_API int32_t moq_decode_video_frame(uint32_t id, struct moq_video_frame* dst);

/* 0.6: Newer name of moq_consume_video_raw_frame_free. Identical. */
MOQ_API int32_t moq_decode_video_frame_free(uint32_t id);

#ifdef __cplusplus
}
#endif

#endif /* MOQ_H */
