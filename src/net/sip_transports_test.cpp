#include "net/sip_transports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <optional>

#include "net/clock.h"
#include "net/tcp_connections.h"
#include "net/test_turns.h"

namespace segue::net {
namespace {

using sip::Flow;
using sip::TransportKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const Endpoint kAnyPort{IpAddress::v4(127, 0, 0, 1), 0};

std::string message(std::size_t body = 0, const std::string& method = "OPTIONS") {
  return method + " sip:a@b SIP/2.0\r\nCall-ID: 1\r\nContent-Length: " + std::to_string(body) + "\r\n\r\n" +
         std::string(body, 'x');
}

/// A blocking socket of the other side, with a limit on every wait.
class Peer {
 public:
  explicit Peer(int type, IpAddress ip = kAnyPort.ip) : fd_(::socket(ip.v6 ? AF_INET6 : AF_INET, type, 0)) {
    const SockAddr address(Endpoint{ip, 0});
    EXPECT_EQ(::bind(fd_.get(), &address.any, address.length), 0);
    const timeval limit{5, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  explicit Peer(Fd fd) : fd_(std::move(fd)) {}
  void connect(const Endpoint& to) {
    const SockAddr address(to);
    ASSERT_EQ(::connect(fd_.get(), &address.any, address.length), 0) << to.to_string();
  }
  void send(std::string_view bytes) {
    EXPECT_EQ(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  Peer accept() { return Peer(Fd(::accept(fd_.get(), nullptr, nullptr))); }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] Endpoint local() const { return local_endpoint(fd_.get()); }
  void shut() { fd_.reset(); }

 private:
  Fd fd_;
};

/// The transports on a loop that this thread turns until a condition holds or five seconds are over.
class SipTransportsTest : public testing::Test {
 protected:
  void open(SipTransportsConfig config) {
    config.udp = {{kAnyPort, {}}};
    config.tcp = {{kAnyPort, {}}};
    auto opened = SipTransports::open(
        loop_, std::move(config),
        {[this](std::string_view bytes, const Flow& flow) { received(bytes, flow); },
         [this](std::string_view bytes, const Error&, const Flow& flow) {
           broken_.emplace_back(bytes);
           if (on_broken_) on_broken_(flow);
         },
         [this](const std::string& what) { troubles_.push_back(what); },
         [this](const Flow& flow) { failed_.push_back(flow); }, [this](const Flow& flow) { closed_.push_back(flow); }});
    ASSERT_TRUE(opened) << opened.error().text;
    transports_ = std::move(*opened);
  }

  void received(std::string_view bytes, const Flow& flow) {
    messages_.emplace_back(bytes);
    flows_.push_back(flow);
    if (on_message_) on_message_(flow);
  }

  [[nodiscard]] bool turn_until(const std::function<bool()>& condition) { return net::turn_until(loop_, condition); }

  /// What the peer gets, read while the loop turns.
  std::string read_some(const Peer& peer) {
    std::string bytes(65536, 0);
    ssize_t got = -1;
    (void)turn_until([&] { return (got = ::recv(peer.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT)) >= 0; });
    bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return bytes;
  }

  [[nodiscard]] bool ended(const Peer& peer) {
    char byte = 0;
    return turn_until([&] {
      const auto got = ::recv(peer.fd(), &byte, 1, MSG_DONTWAIT);
      return got == 0 || (got < 0 && errno == ECONNRESET);
    });
  }

  Peer connected() {
    Peer peer(SOCK_STREAM);
    peer.connect(transports_->tcp()[0]);
    return peer;
  }

  Loop loop_;
  std::vector<std::string> messages_, broken_, troubles_;
  std::vector<Flow> flows_, failed_;
  std::vector<Flow> closed_;
  std::function<void(const Flow&)> on_message_, on_broken_;
  std::unique_ptr<SipTransports> transports_;
};

TEST_F(SipTransportsTest, UdpGoesBothWays) {
  open({});
  Peer phone(SOCK_DGRAM);
  phone.connect(transports_->udp()[0]);
  phone.send(message());
  ASSERT_TRUE(turn_until([&] { return messages_.size() == 1; }));
  EXPECT_EQ(messages_[0], message());
  EXPECT_EQ(flows_[0], (Flow{TransportKind::Udp, transports_->udp()[0], phone.local(), {}}));
  transports_->send(flows_[0], "SIP/2.0 200 OK\r\n\r\n");
  EXPECT_EQ(read_some(phone), "SIP/2.0 200 OK\r\n\r\n");
  EXPECT_THAT(failed_, IsEmpty());
}

TEST_F(SipTransportsTest, UdpDrainsAndFillsInBatchesInOrder) {
  open({});
  Peer phone(SOCK_DGRAM);
  phone.connect(transports_->udp()[0]);
  for (int i = 0; i < 150; ++i) phone.send("m" + std::to_string(i));
  ASSERT_TRUE(turn_until([&] { return messages_.size() == 150; }));
  EXPECT_EQ(messages_[149], "m149");
  for (int i = 0; i < 150; ++i) transports_->send(flows_[0], "r" + std::to_string(i));
  EXPECT_EQ(transports_->counters().sent, 0U);  // gathered: nothing leaves from within send()
  for (int i = 0; i < 150; ++i) ASSERT_EQ(read_some(phone), "r" + std::to_string(i));
}

TEST_F(SipTransportsTest, UdpKeepAlivesAreNoMessages) {
  open({});
  Peer phone(SOCK_DGRAM);
  phone.connect(transports_->udp()[0]);
  for (const auto bytes : {std::string_view("\r\n\r\n"), std::string_view("\0", 1), std::string_view("")})
    phone.send(bytes);
  phone.send("X");
  ASSERT_TRUE(turn_until([&] { return !messages_.empty(); }));
  EXPECT_THAT(messages_, ElementsAre("X"));
  EXPECT_EQ(transports_->counters().keep_alives, 3U);
}

TEST_F(SipTransportsTest, ADatagramThatCannotBeSentIsReported) {
  open({});
  const Flow too_long{TransportKind::Udp, transports_->udp()[0], *Endpoint::parse("127.0.0.1:9"), {}};
  const Flow no_family{TransportKind::Udp, transports_->udp()[0], *Endpoint::parse("[::1]:9"), {}};
  const Flow no_listener{TransportKind::Wss, {}, *Endpoint::parse("127.0.0.1:9"), {}};
  transports_->send(too_long, std::string(70000, 'x'));
  transports_->send(no_family, "x");
  transports_->send(no_listener, "x");
  EXPECT_THAT(failed_, IsEmpty());  // never from within send()
  ASSERT_TRUE(turn_until([&] { return failed_.size() == 3; }));
  EXPECT_THAT(failed_, testing::UnorderedElementsAre(too_long, no_family, no_listener));
}

TEST_F(SipTransportsTest, ADatagramPastTheQueueIsDropped) {
  SipTransportsConfig config;
  config.max_queued_datagrams = 2;
  open(config);
  Peer phone(SOCK_DGRAM);
  const Flow flow{TransportKind::Udp, transports_->udp()[0], phone.local(), {}};
  for (const auto* bytes : {"1", "2", "3"}) transports_->send(flow, bytes);
  EXPECT_EQ(transports_->counters().dropped_full, 1U);
  EXPECT_EQ(read_some(phone), "1");
  EXPECT_EQ(read_some(phone), "2");
}

TEST_F(SipTransportsTest, AdvertisesWhatItIsTold) {
  SipTransportsConfig config;
  config.udp = {{kAnyPort, IpAddress::v4(203, 0, 113, 7)}, {Endpoint{*IpAddress::parse("::1"), 0}, {}}};
  auto opened = SipTransports::open(loop_, config,
                                    {[this](std::string_view b, const Flow& f) { received(b, f); },
                                     [](std::string_view, const Error&, const Flow&) {}, [](const std::string&) {},
                                     [](const Flow&) {}, [](const Flow&) {}});
  ASSERT_TRUE(opened) << opened.error().text;
  const auto udp = (*opened)->udp();
  EXPECT_EQ(udp[0].ip, IpAddress::v4(203, 0, 113, 7));
  Peer phone(SOCK_DGRAM), phone6(SOCK_DGRAM, *IpAddress::parse("::1"));
  phone.connect({kAnyPort.ip, udp[0].port});
  phone.send("four");
  phone6.connect(udp[1]);
  phone6.send("six");
  ASSERT_TRUE(turn_until([&] { return messages_.size() == 2; }));
  for (const auto& flow : flows_) {
    EXPECT_EQ(flow.local, udp[flow.remote.ip.v6 ? 1 : 0]);
    (*opened)->send(flow, flow.remote.ip.v6 ? "6" : "4");
  }
  EXPECT_EQ(read_some(phone), "4");
  EXPECT_EQ(read_some(phone6), "6");
}

TEST_F(SipTransportsTest, ABusyAddressIsNamed) {
  open({});
  SipTransportsConfig config;
  config.udp = {{transports_->udp()[0], {}}};
  auto udp = SipTransports::open(loop_, config, {});
  ASSERT_FALSE(udp);
  EXPECT_EQ(udp.error().kind, ErrorKind::Conflict);
  EXPECT_THAT(udp.error().text, HasSubstr(transports_->udp()[0].to_string()));
  EXPECT_THAT(udp.error().text, HasSubstr("in use"));
  config = {};
  config.tcp = {{transports_->tcp()[0], {}}};
  EXPECT_FALSE(SipTransports::open(loop_, config, {}));
  config.tcp = {{*Endpoint::parse("192.0.2.99:5060"), {}}};
  const auto foreign = SipTransports::open(loop_, config, {});
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().kind, ErrorKind::InvalidInput);
}

TEST_F(SipTransportsTest, TcpCutsMessagesAndAnswersOnTheSameConnection) {
  open({});
  auto phone = connected();
  const auto both = message(10) + message(3);
  phone.send(both.substr(0, 30));
  ASSERT_TRUE(turn_until([&] { return transports_->connections() == 1; }));
  phone.send(both.substr(30));
  ASSERT_TRUE(turn_until([&] { return messages_.size() == 2; }));
  EXPECT_THAT(messages_, ElementsAre(message(10), message(3)));
  EXPECT_EQ(flows_[0].transport, TransportKind::Tcp);
  EXPECT_EQ(flows_[0].remote, phone.local());
  EXPECT_EQ(flows_[0].local, transports_->tcp()[0]);
  EXPECT_TRUE(flows_[0].connection.valid());
  transports_->send(flows_[0], "one ");
  transports_->send({TransportKind::Tcp, {}, phone.local(), {}}, "two");  // by address: the open connection serves
  EXPECT_EQ(read_some(phone), "one two");
  EXPECT_EQ(transports_->counters().connected, 0U);
}

TEST_F(SipTransportsTest, TcpAnswersPings) {
  open({});
  auto phone = connected();
  phone.send("\r\n\r\n");
  EXPECT_EQ(read_some(phone), "\r\n");
  EXPECT_THAT(messages_, IsEmpty());
  EXPECT_EQ(transports_->counters().keep_alives, 1U);
}

TEST_F(SipTransportsTest, TcpConnectsOnDemandAndAgainAfterAClose) {
  open({});
  Peer listener(SOCK_STREAM);
  ASSERT_EQ(::listen(listener.fd(), 5), 0);
  const Flow flow{TransportKind::Tcp, transports_->tcp()[0], listener.local(), {}};
  transports_->send(flow, message());
  transports_->send(flow, message(1));
  auto phone = listener.accept();
  std::string got;
  while (got.size() < message().size() + message(1).size()) {
    const auto more = read_some(phone);
    ASSERT_FALSE(more.empty());
    got += more;
  }
  EXPECT_EQ(got, message() + message(1));
  phone.send(message(5));
  ASSERT_TRUE(turn_until([&] { return messages_.size() == 1; }));
  const auto first = flows_[0];
  EXPECT_EQ(first.remote, listener.local());
  phone.shut();
  ASSERT_TRUE(turn_until([&] { return closed_.size() == 1; }));
  EXPECT_EQ(closed_[0], first);
  EXPECT_THAT(failed_, IsEmpty());  // all had been written

  transports_->send(first, message(2));  // to the connection that is gone
  auto again = listener.accept();
  EXPECT_EQ(read_some(again), message(2));
  EXPECT_EQ(transports_->connections(), 1U);
}

TEST_F(SipTransportsTest, APeerThatHadConnectedIsReachedAgainWhereItListens) {
  open({});
  Peer listener(SOCK_STREAM);
  ASSERT_EQ(::listen(listener.fd(), 5), 0);
  auto phone = connected();
  phone.send(message());
  ASSERT_TRUE(turn_until([&] { return messages_.size() == 1; }));
  Flow flow = flows_[0];
  flow.reopen = listener.local();
  transports_->send(flow, "open");
  EXPECT_EQ(read_some(phone), "open") << "its own connection serves while it is there";
  phone.shut();
  ASSERT_TRUE(turn_until([&] { return closed_.size() == 1; }));
  transports_->send(flow, message(1));
  auto again = listener.accept();
  EXPECT_EQ(read_some(again), message(1));
  transports_->send(flow, message(2));
  EXPECT_EQ(read_some(again), message(2)) << "by the connection that was opened for it";
  EXPECT_EQ(transports_->connections(), 1U);
  again.shut();
  ASSERT_TRUE(turn_until([&] { return closed_.size() == 2; }));
  EXPECT_EQ(closed_[1].remote, listener.local());
  EXPECT_GT(closed_[1].connection, closed_[0].connection) << "numbered in order";
}

TEST_F(SipTransportsTest, AConnectionThatCannotBeMadeIsReportedWithTheFlowAsGiven) {
  open({});
  Peer listener(SOCK_STREAM);  // bound but not listening: refused
  const Flow flow{TransportKind::Tcp, transports_->tcp()[0], listener.local(), ConnectionId{77}};
  transports_->send(flow, message());
  transports_->send(flow, message());
  ASSERT_TRUE(turn_until([&] { return !failed_.empty(); }));
  EXPECT_THAT(failed_, ElementsAre(flow));
  EXPECT_EQ(transports_->connections(), 0U);
}

TEST_F(SipTransportsTest, AStreamThatCannotBeCutIsClosed) {
  open({});
  auto phone = connected();
  phone.send("INVITE sip:a@b SIP/2.0\r\nContent-Length: lots\r\n\r\n");
  EXPECT_TRUE(ended(phone));
  EXPECT_EQ(transports_->counters().closed_malformed, 1U);
  EXPECT_THAT(closed_, SizeIs(1));
  EXPECT_THAT(broken_, ElementsAre("INVITE sip:a@b SIP/2.0\r\nContent-Length: lots\r\n\r\n"));
}

TEST_F(SipTransportsTest, ABrokenStreamIsAnsweredThenClosedAndWhatStillComesIsThrownAway) {
  open({});
  on_broken_ = [this](const Flow& flow) { transports_->send(flow, "SIP/2.0 400 Bad Request\r\n\r\n"); };
  auto phone = connected();
  phone.send("INVITE sip:a@b SIP/2.0\r\nContent-Length: -1\r\n\r\n" + message());
  EXPECT_EQ(read_some(phone), "SIP/2.0 400 Bad Request\r\n\r\n");
  phone.send(message());
  EXPECT_TRUE(ended(phone));
  EXPECT_THAT(messages_, IsEmpty());
  ASSERT_TRUE(turn_until([&] { return closed_.size() == 1; }));
  EXPECT_EQ(transports_->counters().closed_slow, 0U);
}

TEST_F(SipTransportsTest, ConnectionsPastAMaximumAreRefused) {
  SipTransportsConfig config;
  config.max_connections_per_source = 2;
  open(config);
  auto one = connected(), two = connected(), three = connected();
  EXPECT_TRUE(ended(three));
  EXPECT_EQ(transports_->connections(), 2U);
  EXPECT_EQ(transports_->counters().refused_full, 1U);
  EXPECT_THAT(troubles_, ElementsAre(HasSubstr("refused: too many connections from this address")));
  one.shut();
  ASSERT_TRUE(turn_until([&] { return transports_->connections() == 1; }));
  auto four = connected();
  ASSERT_TRUE(turn_until([&] { return transports_->connections() == 2; }));
}

TEST_F(SipTransportsTest, TheMaximumOfAllConnectionsHoldsForOurOwnToo) {
  SipTransportsConfig config;
  config.max_connections = 1;
  open(config);
  auto one = connected();
  ASSERT_TRUE(turn_until([&] { return transports_->connections() == 1; }));
  auto two = connected();
  EXPECT_TRUE(ended(two));
  const Flow flow{TransportKind::Tcp, {}, *Endpoint::parse("127.0.0.1:9"), {}};
  transports_->send(flow, "x");
  ASSERT_TRUE(turn_until([&] { return failed_.size() == 1; }));
  EXPECT_EQ(transports_->counters().refused_full, 2U);
}

TEST_F(SipTransportsTest, SlowOnesAreClosed) {
  SipTransportsConfig config;
  config.first_message_timeout = 60ms;
  config.message_timeout = 60ms;
  open(config);
  auto silent = connected();
  EXPECT_TRUE(ended(silent));
  auto dawdler = connected();
  dawdler.send(message() + message());
  ASSERT_TRUE(turn_until([&] { return messages_.size() == 2; }));
  dawdler.send("OPTIONS sip:a@b SIP");
  EXPECT_TRUE(ended(dawdler));
  EXPECT_EQ(transports_->counters().closed_slow, 2U);
  EXPECT_THAT(troubles_, ElementsAre(HasSubstr("closed: no message came in time"),
                                     HasSubstr("closed: a message was begun and not finished in time")));
  EXPECT_THAT(closed_, SizeIs(2));
  // The half message may come with the whole one before it, too.
  auto stalled = connected();
  stalled.send(message() + "OPTIONS sip:a@b SIP");
  EXPECT_TRUE(ended(stalled));
  EXPECT_EQ(transports_->counters().closed_slow, 3U);
}

TEST_F(SipTransportsTest, LineEndsBetweenMessagesBeginNone) {
  SipTransportsConfig config;
  config.message_timeout = 60ms;
  open(config);
  auto peer = connected();
  peer.send(message() + "\r\n");
  ASSERT_TRUE(turn_until([&] { return messages_.size() == 1; }));
  const auto begun = read_clock().mono;
  ASSERT_TRUE(turn_until([&] { return read_clock().mono - begun > 150ms; }));
  EXPECT_EQ(transports_->connections(), 1U);
}

TEST_F(SipTransportsTest, IdleOnesAreClosedButPingsKeepOpen) {
  SipTransportsConfig config;
  config.idle_timeout = 80ms;
  open(config);
  auto quiet = connected(), pinger = connected();
  quiet.send(message());
  pinger.send(message());
  ASSERT_TRUE(turn_until([&] { return messages_.size() == 2; }));
  char byte = 0;
  ASSERT_TRUE(turn_until([&] {
    pinger.send("\r\n\r\n");
    return ::recv(quiet.fd(), &byte, 1, MSG_DONTWAIT) == 0;
  }));
  EXPECT_EQ(transports_->connections(), 1U);
}

TEST_F(SipTransportsTest, APeerThatDoesNotReadIsClosedAtTheQueuesEnd) {
  SipTransportsConfig config;
  config.max_queued_bytes = 100000;
  open(config);
  auto phone = connected();
  phone.send(message());
  ASSERT_TRUE(turn_until([&] { return messages_.size() == 1; }));
  ASSERT_TRUE(turn_until([&] {
    if (closed_.empty()) transports_->send(flows_[0], std::string(60000, 'x'));
    return !closed_.empty();
  }));
  EXPECT_EQ(transports_->counters().closed_slow, 1U);
  EXPECT_THAT(failed_, ElementsAre(flows_[0]));
}

TEST_F(SipTransportsTest, APeerThatDoesNotReadIsClosedInTime) {
  SipTransportsConfig config;
  config.max_queued_bytes = 64 << 20;
  config.write_timeout = 60ms;
  open(config);
  auto phone = connected();
  phone.send(message());
  ASSERT_TRUE(turn_until([&] { return messages_.size() == 1; }));
  transports_->send(flows_[0], std::string(32 << 20, 'x'));  // more than both kernel buffers take
  ASSERT_TRUE(turn_until([&] { return !closed_.empty(); }));
  EXPECT_EQ(transports_->counters().closed_slow, 1U);
}

TEST_F(SipTransportsTest, CloseWaitsForWhatIsQueuedAndMayBeAskedFromACallback) {
  open({});
  on_message_ = [this](const Flow& flow) {
    transports_->send(flow, "bye");
    transports_->close(flow.connection);
  };
  auto phone = connected();
  phone.send(message());
  EXPECT_EQ(read_some(phone), "bye");
  EXPECT_TRUE(ended(phone));
}

TEST_F(SipTransportsTest, NothingIsCalledAfterDestruction) {
  open({});
  auto phone = connected();
  phone.send(message());
  ASSERT_TRUE(turn_until([&] { return messages_.size() == 1; }));
  transports_->send(flows_[0], "never");
  transports_.reset();
  EXPECT_TRUE(ended(phone));
  EXPECT_THAT(closed_, IsEmpty());
  EXPECT_THAT(failed_, IsEmpty());
}

}  // namespace
}  // namespace segue::net
