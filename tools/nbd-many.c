/*
 * nbd-many: attaches one Linux network block device to several gateways at once.
 *
 *     gcc -O2 -o nbd-many tools/nbd-many.c
 *     nbd-many /dev/nbd0 EXPORT TIMEOUT HOST:PORT [HOST:PORT ...]
 *     nbd-client -d /dev/nbd0                                      (detaches it)
 *
 * nbd-client opens all its connections to one server. The kernel does not mind where they lead: it
 * spreads requests over them, goes on with the others when one breaks, and sends again what one
 * has left unanswered for TIMEOUT seconds. All it needs is servers that show the same bytes at any
 * moment, which is what gateways of one cluster do.
 *
 * The device is set up over generic netlink, so no process has to stay behind: the kernel keeps
 * the sockets. Only the kernel's headers are needed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/nbd-netlink.h>
#include <linux/nbd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BLOCK_BYTES = 4096, NAME_BYTES_MAX = 256, SERVERS_MAX = 16, MESSAGE_BYTES = 4096 };
enum { OPTION_GO = 7, REPLY_ACK = 1, REPLY_INFO = 3, INFO_EXPORT = 0 };

/* What a gateway has told about the export. */
struct server {
	int socket;
	uint64_t size_bytes;
	uint16_t flags;
};

static void fail(const char *format, ...)
{
	va_list words;

	fputs("nbd-many: ", stderr);
	va_start(words, format);
	vfprintf(stderr, format, words);
	va_end(words);
	fputc('\n', stderr);
	exit(1);
}

/* ---- The handshake of NBD: big-endian numbers over a stream. ---- */

static void put_number(uint8_t **at, uint64_t value, int width)
{
	while (width-- > 0)
		*(*at)++ = (uint8_t)(value >> (8 * width));
}

static uint64_t number_at(const uint8_t *at, int width)
{
	uint64_t value = 0;

	while (width-- > 0)
		value = value << 8 | *at++;
	return value;
}

static void receive(int socket, void *into, size_t length)
{
	uint8_t *at = into;

	while (length > 0) {
		ssize_t count = read(socket, at, length);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			fail("the gateway ended the handshake");
		at += count;
		length -= (size_t)count;
	}
}

static void transmit(int socket, const uint8_t *from, size_t length)
{
	while (length > 0) {
		ssize_t count = send(socket, from, length, MSG_NOSIGNAL);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			fail("sending: %s", strerror(errno));
		from += count;
		length -= (size_t)count;
	}
}

/* Opens a connection to "host:port"; an IPv6 address stands in brackets. */
static int dial(const char *address)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found, *each;
	char host[NAME_BYTES_MAX];
	const char *colon = strrchr(address, ':');
	size_t length = colon == NULL ? 0 : (size_t)(colon - address);
	int result, one = 1, opened = -1;

	if (length == 0 || length >= sizeof host)
		fail("%s is not of the form host:port", address);
	memcpy(host, address, length);
	host[length] = 0;
	if (host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = 0;
		memmove(host, host + 1, length - 1);
	}
	result = getaddrinfo(host, colon + 1, &hints, &found);
	if (result != 0)
		fail("%s: %s", address, gai_strerror(result));
	for (each = found; each != NULL && opened < 0; each = each->ai_next) {
		opened = socket(each->ai_family, each->ai_socktype, each->ai_protocol);
		if (opened >= 0 && connect(opened, each->ai_addr, each->ai_addrlen) != 0) {
			close(opened);
			opened = -1;
		}
	}
	freeaddrinfo(found);
	if (opened < 0)
		fail("no connection to %s: %s", address, strerror(errno));
	setsockopt(opened, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(opened, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	return opened;
}

/* Goes through the handshake up to the point where the kernel takes over. */
static struct server negotiate(const char *address, const char *name)
{
	static const char greeting[] = "NBDMAGICIHAVEOPT";
	struct server server = { .socket = dial(address) };
	size_t name_length = strlen(name);
	uint8_t bytes[MESSAGE_BYTES], *at = bytes;
	int is_known = 0;

	receive(server.socket, bytes, 18);
	if (memcmp(bytes, greeting, 16) != 0 || (number_at(bytes + 16, 2) & 1) == 0)
		fail("%s does not speak fixed newstyle NBD", address);
	put_number(&at, number_at(bytes + 16, 2) & 3, 4);
	memcpy(at, "IHAVEOPT", 8);
	at += 8;
	put_number(&at, OPTION_GO, 4);
	put_number(&at, name_length + 6, 4);
	put_number(&at, name_length, 4);
	memcpy(at, name, name_length);
	at += name_length;
	put_number(&at, 0, 2);
	transmit(server.socket, bytes, (size_t)(at - bytes));

	for (;;) {
		receive(server.socket, bytes, 20);
		uint32_t type = (uint32_t)number_at(bytes + 12, 4);
		uint32_t length = (uint32_t)number_at(bytes + 16, 4);

		if (length > sizeof bytes)
			fail("%s sends a reply of %u bytes", address, length);
		receive(server.socket, bytes, length);
		if (type == REPLY_ACK)
			break;
		if (type & 0x80000000u)
			fail("%s has no export \"%s\" for us (error %u)", address, name,
			     type & 0x7fffffffu);
		if (type == REPLY_INFO && length >= 12 && number_at(bytes, 2) == INFO_EXPORT) {
			server.size_bytes = number_at(bytes + 2, 8);
			server.flags = (uint16_t)number_at(bytes + 10, 2);
			is_known = 1;
		}
	}
	if (!is_known)
		fail("%s does not tell the size of the export", address);
	return server;
}

/* ---- Generic netlink: messages made of attributes, which may hold others. ---- */

struct message {
	struct nlmsghdr header;
	struct genlmsghdr generic;
	uint8_t attributes[MESSAGE_BYTES];
};

static void begin_message(struct message *message, uint16_t family, uint8_t command)
{
	memset(message, 0, sizeof *message);
	message->header.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	message->header.nlmsg_type = family;
	message->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	message->generic.cmd = command;
	message->generic.version = 1;
}

static struct nlattr *add(struct message *message, uint16_t type, const void *data, size_t length)
{
	size_t start = NLMSG_ALIGN(message->header.nlmsg_len);
	struct nlattr *attribute = (struct nlattr *)((uint8_t *)message + start);

	if (start + NLA_HDRLEN + NLA_ALIGN(length) > sizeof *message)
		fail("too much for one message");
	attribute->nla_type = type;
	attribute->nla_len = (uint16_t)(NLA_HDRLEN + length);
	if (length > 0)
		memcpy((uint8_t *)attribute + NLA_HDRLEN, data, length);
	message->header.nlmsg_len = (uint32_t)(start + NLA_HDRLEN + NLA_ALIGN(length));
	return attribute;
}

static struct nlattr *begin_nested(struct message *message, uint16_t type)
{
	return add(message, type | NLA_F_NESTED, NULL, 0);
}

static void end_nested(struct message *message, struct nlattr *nested)
{
	nested->nla_len = (uint16_t)((uint8_t *)message + message->header.nlmsg_len -
				     (uint8_t *)nested);
}

/* Sends the message and waits for the kernel's verdict. The first answer that is not a mere
 * acknowledgement is left in `answer`. Returns 0 or an error number. */
static int exchange(int netlink, struct message *message, struct message *answer)
{
	int has_answer = 0;

	if (send(netlink, message, message->header.nlmsg_len, 0) < 0)
		return errno;
	for (;;) {
		struct message received = { 0 };
		ssize_t length = recv(netlink, &received, sizeof received, 0);
		struct nlmsghdr *each = &received.header;

		if (length < 0)
			return errno;
		for (; NLMSG_OK(each, (size_t)length); each = NLMSG_NEXT(each, length)) {
			if (each->nlmsg_type == NLMSG_ERROR)
				return -((struct nlmsgerr *)NLMSG_DATA(each))->error;
			if (answer != NULL && !has_answer) {
				memcpy(answer, each, each->nlmsg_len);
				has_answer = 1;
			}
		}
	}
}

/* The number that the kernel has given to the family "nbd". */
static uint16_t find_family(int netlink)
{
	struct message question, answer = { 0 };
	size_t at;
	int error;

	begin_message(&question, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	add(&question, CTRL_ATTR_FAMILY_NAME, NBD_GENL_FAMILY_NAME, sizeof NBD_GENL_FAMILY_NAME);
	error = exchange(netlink, &question, &answer);
	if (error != 0)
		fail("the kernel has no nbd (modprobe nbd): %s", strerror(error));
	for (at = NLMSG_LENGTH(GENL_HDRLEN); at + NLA_HDRLEN <= answer.header.nlmsg_len;) {
		struct nlattr *attribute = (struct nlattr *)((uint8_t *)&answer + at);

		if (attribute->nla_type == CTRL_ATTR_FAMILY_ID)
			return *(uint16_t *)((uint8_t *)attribute + NLA_HDRLEN);
		if (attribute->nla_len < NLA_HDRLEN)
			break;
		at += NLA_ALIGN(attribute->nla_len);
	}
	fail("the kernel does not tell the number of its nbd");
	return 0;
}

static void attach(uint32_t index, const struct server *servers, int count, uint64_t timeout)
{
	struct message message;
	struct nlattr *sockets;
	uint64_t block = BLOCK_BYTES, size = servers[0].size_bytes, flags = servers[0].flags;
	int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), each, error;

	if (netlink < 0)
		fail("netlink: %s", strerror(errno));
	begin_message(&message, find_family(netlink), NBD_CMD_CONNECT);
	add(&message, NBD_ATTR_INDEX, &index, sizeof index);
	add(&message, NBD_ATTR_SIZE_BYTES, &size, sizeof size);
	add(&message, NBD_ATTR_BLOCK_SIZE_BYTES, &block, sizeof block);
	add(&message, NBD_ATTR_SERVER_FLAGS, &flags, sizeof flags);
	add(&message, NBD_ATTR_TIMEOUT, &timeout, sizeof timeout);
	sockets = begin_nested(&message, NBD_ATTR_SOCKETS);
	for (each = 0; each < count; each++) {
		struct nlattr *item = begin_nested(&message, NBD_SOCK_ITEM);
		uint32_t descriptor = (uint32_t)servers[each].socket;

		add(&message, NBD_SOCK_FD, &descriptor, sizeof descriptor);
		end_nested(&message, item);
	}
	end_nested(&message, sockets);
	error = exchange(netlink, &message, NULL);
	if (error != 0)
		fail("the kernel does not attach /dev/nbd%u: %s", index, strerror(error));
	close(netlink);
}

int main(int count, char **words)
{
	struct server servers[SERVERS_MAX];
	int server_count = count - 4, each;
	unsigned index;
	char *end;
	char rest;
	unsigned long timeout;

	if (server_count < 1 || server_count > SERVERS_MAX)
		fail("usage: nbd-many /dev/nbdN EXPORT TIMEOUT HOST:PORT... (at most %d)",
		     SERVERS_MAX);
	if (sscanf(words[1], "/dev/nbd%u%c", &index, &rest) != 1)
		fail("%s is not /dev/nbd0, /dev/nbd1, ...", words[1]);
	if (strlen(words[2]) > NAME_BYTES_MAX)
		fail("the name of the export is too long");
	timeout = strtoul(words[3], &end, 10);
	if (*end != 0 || end == words[3])
		fail("%s is not a number of seconds", words[3]);
	for (each = 0; each < server_count; each++) {
		servers[each] = negotiate(words[4 + each], words[2]);
		if (servers[each].size_bytes != servers[0].size_bytes ||
		    servers[each].flags != servers[0].flags)
			fail("%s and %s show different disks", words[4], words[4 + each]);
	}
	if (server_count > 1 && (servers[0].flags & NBD_FLAG_CAN_MULTI_CONN) == 0)
		fail("%s does not promise that several connections see the same", words[4]);
	attach(index, servers, server_count, timeout);
	printf("%s: %llu bytes over %d connections\n", words[1],
	       (unsigned long long)servers[0].size_bytes, server_count);
	return 0;
}
