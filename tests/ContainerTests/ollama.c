/* What the image "with-ollama" needs of an Ollama, in a file without libraries: `ollama serve` answers at OLLAMA_HOST as Ollama does. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *answer(const char *request, const char **status) {
  *status = "200 OK";
  if (!strncmp(request, "GET / ", 6)) return "Ollama is running";
  if (!strncmp(request, "GET /api/version ", 17)) return "{\"version\":\"0.34.2\"}";
  if (!strncmp(request, "GET /api/tags ", 14) || !strncmp(request, "GET /api/ps ", 12)) return "{\"models\":[]}";
  if (!strncmp(request, "POST /api/generate ", 19))
    return "{\"model\":\"tiny\",\"created_at\":\"2026-01-01T00:00:00Z\",\"response\":\"inside\",\"done\":true,\"done_reason\":\"stop\",\"total_duration\":3,"
           "\"prompt_eval_count\":4,\"prompt_eval_duration\":1,\"eval_count\":2,\"eval_duration\":1}";
  *status = "404 Not Found";
  return "404 page not found";
}

/* One request a connection; its body is read so that closing does not reset the connection. */
static void serve(int client) {
  char request[65536];
  size_t length = 0;
  ssize_t count;
  while (length < sizeof request - 1 && (count = read(client, request + length, sizeof request - 1 - length)) > 0) {
    request[length += count] = 0;
    char *end = strstr(request, "\r\n\r\n"), *size = strcasestr(request, "content-length:");
    if (end && (size_t)(end + 4 - request) + (size && size < end ? strtoul(size + 15, NULL, 10) : 0) <= length) break;
  }
  const char *status, *body = answer(request, &status);
  dprintf(client, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status,
          *body == '{' ? "application/json" : "text/plain", strlen(body), strncmp(request, "HEAD ", 5) ? body : "");
  close(client);
}

int main(int count, char **arguments) {
  const char *port = getenv("OLLAMA_HOST") ? strrchr(getenv("OLLAMA_HOST"), ':') : NULL;
  if (count != 2 || strcmp(arguments[1], "serve") || !port) return 2;
  signal(SIGCHLD, SIG_IGN);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port + 1)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 64)) return 1;
  for (int client; (client = accept(listener, NULL, NULL)) >= 0; close(client))
    if (!fork()) {
      close(listener);
      serve(client);
      _exit(0);
    }
}
