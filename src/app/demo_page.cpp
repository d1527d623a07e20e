#include "app/demo_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "record/json.h"
#include "record/picture.h"

namespace segue::app {
namespace {

using nlohmann::json;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string text_of(const json& from, const char* key) {
  const auto found = from.find(key);
  return found != from.end() && found->is_string() ? found->get<std::string>() : "";
}

/// One line of one observer, as the page needs it.
struct Shown {
  std::string title, value, limit, note;
  std::optional<bool> kept;
};
using ShownLines = std::vector<std::pair<std::string, Shown>>;  // by key

ShownLines shown_lines(const call::FlipReport& report) {
  ShownLines out;
  for (const auto& line : report.lines)
    out.push_back({line.key, {line.title, line.value, line.limit, line.note, line.kept}});
  return out;
}

ShownLines shown_lines(const json& server) {
  ShownLines out;
  const auto report = server.find("report");
  if (report == server.end() || !report->is_object()) return out;
  for (const json& line : report->at("lines")) {
    const json& kept = line.at("kept");
    out.push_back({text_of(line, "key"),
                   {text_of(line, "title"), text_of(line, "value"), text_of(line, "limit"), text_of(line, "note"),
                    kept.is_boolean() ? std::optional(kept.get<bool>()) : std::nullopt}});
  }
  return out;
}

const Shown* find(const ShownLines& lines, std::string_view key) {
  const auto found = std::find_if(lines.begin(), lines.end(), [&](const auto& line) { return line.first == key; });
  return found == lines.end() ? nullptr : &found->second;
}

/// A picture inside the page, so that the page can be passed on as one file: RFC 2397, everything but RFC 3986's
/// unreserved characters percent-encoded, since it stands in a srcset too.
std::string data_uri(std::string_view svg) {
  std::string out = "data:image/svg+xml;charset=utf-8,";
  for (const char c : svg) {
    const bool unreserved = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
                            c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

/// The timeline of the server's report, wide and for a phone; it leads to the whole picture.
std::string picture(const JudgedFlip& flip, std::size_t number) {
  const auto found = flip.server.find("report");
  const Result<call::FlipReport> report =
      found == flip.server.end() ? fail(ErrorKind::NotFound, "") : record::flip_report_from_json(*found);
  if (!report) return "<p class=\"dim\">The server made no report of it.</p>\n";
  call::FlipRecord record;
  record.report = *report;
  const record::PictureNames names{"Grace 2001", std::string(kDeviceNames.at(flip.taken.from)),
                                   std::string(kDeviceNames.at(flip.taken.to))};
  const auto drawn = [&](record::PictureShape shape) { return data_uri(record::flip_picture(record, names, shape)); };
  return fmt::format(
      "<a class=\"picture\" href=\"flip-{0}.svg\"><picture><source media=\"(max-width: 40rem)\" srcset=\"{1}\">"
      "<img src=\"{2}\" alt=\"Timeline of flip {0}: packets of the first device, of the second, and what the far party "
      "got\"></picture></a>\n",
      number, drawn(record::PictureShape::NarrowTimeline), drawn(record::PictureShape::Timeline));
}

std::string badge(bool good, std::string_view text) {
  return fmt::format("<span class=\"badge {}\">{}</span>", good ? "good" : "bad", text);
}

std::string cell(const Shown* line, std::string_view observer) {
  if (line == nullptr) return fmt::format("<td data-of=\"{}\" class=\"dim\">not looked at</td>", observer);
  const std::string mark = !line->kept   ? "<span class=\"dim\">&ndash;</span>"
                           : *line->kept ? "<span class=\"good\">&#10003;</span>"
                                         : "<span class=\"bad\">&#10007; RED</span>";
  const std::string value = line->value.empty() ? "not measured" : escaped(line->value);
  const std::string note = line->note.empty() ? "" : "<small>" + escaped(line->note) + "</small>";
  return fmt::format("<td data-of=\"{}\">{} {}{}</td>", observer, mark, value, note);
}

/// Closed where all is well; what is red is open.
std::string line_table(const JudgedFlip& flip) {
  const ShownLines server = shown_lines(flip.server);
  const ShownLines far = shown_lines(flip.far);
  std::string out = fmt::format(
      "<details{}><summary>Every line of the promise, as the server and as the far party measured it</summary>\n",
      flip.kept() ? "" : " open");
  out +=
      "<table class=\"lines\"><thead><tr><th>What is looked at</th><th>must be</th><th>the server measured</th>"
      "<th>the far party measured</th></tr></thead><tbody>\n";
  const auto row = [&](const std::string& key, const Shown& named) {
    out +=
        fmt::format("<tr><td>{}</td><td data-of=\"limit\">{}</td>{}{}</tr>\n", escaped(named.title),
                    escaped(named.limit), cell(find(server, key), "the server"), cell(find(far, key), "the far party"));
  };
  for (const auto& [key, line] : far) row(key, line);
  for (const auto& [key, line] : server) {
    if (find(far, key) == nullptr) row(key, line);
  }
  return out + "</tbody></table></details>\n";
}

/// The figures that people ask for first.
std::string in_short(const JudgedFlip& flip) {
  const ShownLines far = shown_lines(flip.far);
  std::string out;
  const auto add = [&](std::string_view key, std::string_view words) {
    const Shown* line = find(far, key);
    if (line == nullptr || line->value.empty()) return;
    out += fmt::format("{}{}: <b class=\"num\">{}</b>", out.empty() ? "" : " &middot; ", words, escaped(line->value));
  };
  add("sip_to_far", "SIP messages to Grace");
  add("slots_missing", "packets missing");
  add("gap", "longest wait for a packet");
  add("answer_to_heard", "answer to heard");
  add("click", "step in the waveform");
  return "<p>" + out + "</p>\n";
}

std::string where(const JudgedFlip& flip) {
  const auto from = kDeviceNames.at(flip.taken.from);
  const auto to = kDeviceNames.at(flip.taken.to);
  return moves(flip.taken.act) ? fmt::format("{} &rarr; {}", from, to)
                               : fmt::format("stays on {} ({} was asked)", from, to);
}

std::string overview(const DemoResult& result) {
  std::string out =
      "<div class=\"scroll\"><table><thead><tr><th>#</th><th>flip</th><th class=\"how\">asked how</th><th>the "
      "server</th><th>the far "
      "party</th></tr></thead><tbody>\n";
  for (std::size_t i = 0; i < result.flips.size(); ++i) {
    const JudgedFlip& flip = result.flips[i];
    out += fmt::format(
        "<tr><td>{0}</td><td><a href=\"#flip-{0}\">{1}</a></td><td "
        "class=\"how\">{2}</td><td>{3}</td><td>{4}</td></tr>\n",
        i + 1, where(flip), escaped(act_title(flip.taken.act)),
        badge(flip.server_kept(), flip.server_kept() ? "kept" : "RED"),
        badge(flip.far.kept, flip.far.kept ? "kept" : "RED"));
  }
  return out + "</tbody></table></div>\n";
}

std::string section(const JudgedFlip& flip, std::size_t number) {
  std::string out =
      fmt::format("<section id=\"flip-{0}\"><h2>{0}. {1} {2}</h2>\n<p class=\"dim\">{3}. {4}, outcome: {5}.</p>\n",
                  number, where(flip), badge(flip.kept(), flip.kept() ? "kept" : "RED"),
                  escaped(act_title(flip.taken.act)), escaped(flip.taken.id), escaped(flip.taken.outcome));
  out += in_short(flip) + picture(flip, number);
  return out + line_table(flip) + "</section>\n";
}

std::string sound(const DemoResult& result) {
  std::vector<WaveMark> marks;
  for (std::size_t i = 0; i < result.flips.size(); ++i)
    marks.push_back({result.flips[i].heard_at_s, fmt::format("{}", i + 1)});
  std::string out =
      "<h2>What the far party heard</h2>\n<p class=\"dim\">Put together from the packets that Grace&rsquo;s phone "
      "received, by their "
      "timestamps. The lines are the flips.</p>\n<audio controls preload=\"metadata\" src=\"farend.wav\"></audio>\n";
  out += wave_picture(result.heard, result.stretches, marks);
  out += "<p class=\"key\">";
  for (std::size_t i = 0; i < kDevices; ++i) {
    out += fmt::format("<span><i style=\"background:var(--c{})\"></i>{}</span>", i, kDeviceNames.at(i));
  }
  return out + fmt::format("</p>\n<p class=\"dim\">{}</p>\n", escaped(result.voices));
}

}  // namespace

bool JudgedFlip::server_kept() const {
  const auto report = server.find("report");
  return report != server.end() && report->is_object() && report->value("kept", false);
}

bool JudgedFlip::as_wanted() const {
  switch (taken.act) {
    case Act::Declined:
      return taken.outcome == "declined";
    case Act::Cancelled:
      return taken.outcome == "cancelled";
    case Act::RestRing:
    case Act::RestAuto:
    case Act::Code:
    case Act::RingAll:
    case Act::Pull:
    case Act::WalkAway:
      return taken.outcome == "done";
  }
  return false;
}

bool DemoResult::kept() const {
  return !flips.empty() && std::all_of(flips.begin(), flips.end(), [](const JudgedFlip& flip) { return flip.kept(); });
}

std::vector<std::string> red_lines(const JudgedFlip& flip) {
  std::vector<std::string> out;
  const auto collect = [&](const ShownLines& lines, bool kept, std::string_view observer) {
    if (kept) return;
    const bool any_red =
        std::any_of(lines.begin(), lines.end(), [](const auto& line) { return line.second.kept == false; });
    for (const auto& [key, line] : lines) {
      if (any_red ? line.kept != false : line.kept.has_value() || line.limit == "reported") continue;
      out.push_back(fmt::format("{}: {} {} ({}){}", observer, line.title,
                                any_red              ? "is " + line.value
                                : line.value.empty() ? "could not be measured"
                                                     : "could not be judged: " + line.value,
                                line.limit, line.note.empty() ? "" : "; " + line.note));
    }
  };
  collect(shown_lines(flip.server), flip.server_kept(), "the server");
  collect(shown_lines(flip.far), flip.far.kept, "the far party");
  if (!flip.as_wanted()) out.push_back("its outcome is " + flip.taken.outcome);
  return out;
}

std::string demo_page(const DemoResult& result) {
  const bool kept = result.kept();
  std::string out(demo_page_head());
  out += fmt::format("<p class=\"dim\">Segue demo</p>\n<h1>{}</h1>\n",
                     kept ? "A live call moved between phones, and the far party heard nothing change."
                          : "Not every line of the promise was kept.");
  out += fmt::format(
      "<p>{} One call between Ada (1001) and Grace (2001), {} flips, real SIP and RTP over loopback sockets. Each flip "
      "is judged twice: "
      "by the server on the packets that it sends, and by Grace&rsquo;s phone on the packets that it receives, with "
      "code of its own. "
      "The machine&rsquo;s own noise in a flip-free stretch: {:.1f} ms.</p>\n",
      badge(kept, kept ? "KEPT" : "RED"), result.flips.size(), result.noise_ms);
  out += overview(result);
  out += sound(result);
  for (std::size_t i = 0; i < result.flips.size(); ++i) out += section(result.flips[i], i + 1);
  return out + "</main></body></html>\n";
}

}  // namespace segue::app
