/* A chat room: publishes the lines of stdin as NAME, prints those of everybody else. A room is a
 * path of the relay, so the URL has it.
 *   chat URL/ROOM NAME     until the end of stdin, or Ctrl-C */
#define _POSIX_C_SOURCE 200809L
#include <moq.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How main waits: for Ctrl-C, and for what callbacks tell it. */

/* What main is told: it should stop, no task is left, there is input, nothing within its time. */
enum reason { STOP = 's', OVER = 'o', INPUT = 'i', NOTHING = 'n' };

static int wake_pipe[2];

/* Safe in callbacks, which are on another thread, and in signal handlers. */
static void wake_main(enum reason why) {
  const char byte = (char)why;
  if (write(wake_pipe[1], &byte, 1) != 1) _Exit(EXIT_FAILURE);
}

static void on_signal(int number) {
  (void)number;
  wake_main(STOP);
}

/* For the beginning of main: Ctrl-C tells it to stop, and lines are printed at once. */
static void prepare(void) {
  const struct sigaction action = {.sa_handler = on_signal};
  if (pipe(wake_pipe) != 0) abort();
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

/* Waits for a reason to go on; for ever if the time is negative. `input` is a file, or -1. */
static enum reason wait_ms(int timeout_ms, int input) {
  struct pollfd ready[2] = {{.fd = wake_pipe[0], .events = POLLIN},
                            {.fd = input, .events = POLLIN}};
  char why = NOTHING;
  while (poll(ready, 2, timeout_ms) < 0) continue; /* A signal: see what it wrote. */
  if (ready[0].revents != 0 && read(wake_pipe[0], &why, 1) != 1) abort();
  return ready[0].revents == 0 && ready[1].revents != 0 ? INPUT : (enum reason)why;
}

/* Passes on what a call returned, or ends the program, saying why it failed. */
static uint32_t must(int32_t code) {
  if (code >= 0) return (uint32_t)code;
  fprintf(stderr, "error %d: %s\n", code, moq_error());
  exit(EXIT_FAILURE);
}

/* The example itself. */

enum { KEEP_MS = 60000 }; /* So long lines wait for who is away, or comes late. */

/* The user_data of the listener and the session. All callbacks come on one thread, the library's,
 * so what they alone use has no lock. */
struct chat {
  uint32_t others;
  int32_t listener;
  struct peer* peers;
  int tasks;      /* Those that have not been told 0 or less, which frees their user_data. */
  int32_t result; /* The last failure. */
};

/* The user_data of what is read of one person. Kept until all is over. */
struct peer {
  struct chat* chat;
  struct peer* next;
  int32_t wait, lines;
  char name[];
};

/* Says why a task failed. Its words are there until the next failure of this thread. */
static void tell(struct chat* chat, int32_t code) {
  if (code < 0) chat->result = code, fprintf(stderr, "%s\n", moq_error());
}

static bool is_over(struct chat* chat, int32_t code) {
  tell(chat, code);
  if (code <= 0 && --chat->tasks == 0) wake_main(OVER);
  return code <= 0;
}

static void on_line(void* user_data, int32_t code) {
  struct peer* peer = user_data;
  moq_frame line;
  if (is_over(peer->chat, code)) return;
  moq_consume_track_frame((uint32_t)code, &line);
  printf("%s: %.*s\n", peer->name, (int)line.payload_size, (const char*)line.payload);
  moq_consume_track_frame_free((uint32_t)code);
}

static void on_broadcast(void* user_data, int32_t code) {
  const moq_subscription all = {
      .ordered = true, .latency_max_ms = KEEP_MS, .group_start_valid = true};
  struct peer* peer = user_data;
  if (is_over(peer->chat, code)) return;
  peer->lines = moq_consume_track((uint32_t)code, "lines", 5, &all, on_line, peer);
  peer->chat->tasks += peer->lines > 0;
  moq_consume_close((uint32_t)code);
}

/* Asks to end what reads `name`, or everybody if it is NULL; what is over already is not found. */
static void leave(struct chat* chat, const char* name, size_t length) {
  for (struct peer* peer = chat->peers; peer != NULL; peer = peer->next) {
    if (name && (strlen(peer->name) != length || memcmp(peer->name, name, length))) continue;
    moq_origin_consume_announced_close((uint32_t)peer->wait);
    moq_consume_track_close((uint32_t)peer->lines);
  }
}

static void on_announced(void* user_data, int32_t code) {
  struct chat* chat = user_data;
  moq_announced who;
  if (is_over(chat, code)) return;
  moq_origin_announced_info((uint32_t)code, &who);
  printf("%.*s: (%s)\n", (int)who.path_len, who.path, who.active ? "is here" : "left");
  struct peer* peer = who.active ? calloc(1, sizeof *peer + who.path_len + 1) : NULL;
  if (!who.active) leave(chat, who.path, who.path_len);
  if (peer != NULL) {
    memcpy(peer->name, who.path, who.path_len);
    peer->chat = chat, peer->next = chat->peers, chat->peers = peer;
    peer->wait =
        moq_origin_consume_announced(chat->others, who.path, who.path_len, on_broadcast, peer);
    chat->tasks += peer->wait > 0;
  }
  moq_origin_announced_free((uint32_t)code);
}

static void on_status(void* user_data, int32_t code) {
  struct chat* chat = user_data;
  if (code > 0) return; /* Connected, or again. */
  tell(chat, code);
  wake_main(STOP);
  moq_origin_announced_close((uint32_t)chat->listener);
  leave(chat, NULL, 0);
  is_over(chat, 0);
}

int main(int argc, char** argv) {
  if (argc != 3) return fputs("usage: chat URL/ROOM NAME\n", stderr), 2;
  prepare();
  const moq_track_info info = {.latency_max_ms = KEEP_MS, .latency_max_valid = true};
  const uint32_t mine = must(moq_origin_create());
  const uint32_t self = must(moq_origin_publish(mine, argv[2], strlen(argv[2])));
  const uint32_t lines = must(moq_publish_track(self, "lines", 5, &info));
  struct chat chat = {.others = must(moq_origin_create()), .tasks = 2};
  chat.listener = (int32_t)must(moq_origin_announced(chat.others, on_announced, &chat));
  const uint32_t session =
      must(moq_session_connect(argv[1], strlen(argv[1]), mine, chat.others, on_status, &chat));

  char line[4096];
  enum reason why;
  setvbuf(stdin, NULL, _IONBF, 0); /* Else lines could wait in a buffer that wait_ms cannot see. */
  while ((why = wait_ms(-1, STDIN_FILENO)) == INPUT && fgets(line, sizeof line, stdin) != NULL) {
    const uint64_t now_us = (uint64_t)time(NULL) * 1000000;
    must(moq_publish_track_frame(lines, (const uint8_t*)line, strcspn(line, "\n"), now_us));
  }
  moq_publish_track_finish(lines);
  moq_publish_finish(self);
  moq_session_close(session);
  while (why != OVER) why = wait_ms(-1, -1);
  for (struct peer* peer; (peer = chat.peers) != NULL; free(peer)) chat.peers = peer->next;
  moq_origin_close(mine);
  moq_origin_close(chat.others);
  return chat.result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
