#include "app/demo_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace segue::app {
namespace {

using nlohmann::json;

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Segue: the demo's verdict</title>
<style>
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2430;--dim:#5b6675;--faint:#d9dee6;--card:#f6f8fa;--good:#1a7f4b;--bad:#c62f2f;
--c0:#2f6fde;--c1:#c2571a;--c2:#7a4fc9}
@media (prefers-color-scheme:dark){:root{--paper:#12161c;--ink:#e6eaf0;--dim:#98a3b3;--faint:#323a46;--card:#1a2028;--good:#4fc388;
--bad:#ff7b72;--c0:#6ea0ff;--c1:#f0935a;--c2:#b392f0}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:62rem;margin:0 auto;padding:1.25rem 1rem 4rem}
h1{font-size:1.7rem;line-height:1.2;margin:.4rem 0 .6rem}
h2{font-size:1.2rem;margin:2.4rem 0 .3rem}
p{margin:.4rem 0}
.dim{color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad)}
.badge{display:inline-block;font-weight:650;border:1.5px solid currentColor;border-radius:.4rem;padding:0 .5rem}
audio{width:100%;margin:.6rem 0}
.wave{display:block;width:100%;height:10rem;background:var(--card);border-radius:.5rem}
.wave .mark{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:4 3;vector-effect:non-scaling-stroke;fill:none}
.marks{position:relative;height:1.6rem;font-weight:650}
.marks span{position:absolute;transform:translateX(-50%)}
.key span{margin-right:1.2rem;white-space:nowrap}.key i{display:inline-block;width:.8rem;height:.8rem;border-radius:.2rem;margin-right:.35rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;margin:.5rem 0;font-size:.92rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--faint)}
th{font-weight:600;color:var(--dim)}
td small{display:block;color:var(--dim)}
.picture{overflow-x:auto;margin:.6rem 0}.picture img{display:block;width:100%;min-width:40rem;height:auto}
@media (max-width:40rem){
.lines thead{display:none}.lines tr{display:block;padding:.45rem 0;border-bottom:1px solid var(--faint)}
.lines td{display:block;border:0;padding:.05rem 0}.lines td:first-child{font-weight:600}
.lines td[data-of]::before{content:attr(data-of) ": ";color:var(--dim)}}
</style></head><body><main>
)";

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

std::string line_table(const JudgedFlip& flip) {
  const ShownLines server = shown_lines(flip.server);
  const ShownLines far = shown_lines(flip.far);
  std::string out =
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
  return out + "</tbody></table>\n";
}

std::string where(const JudgedFlip& flip) {
  const auto from = kDeviceNames.at(flip.taken.from);
  const auto to = kDeviceNames.at(flip.taken.to);
  return moves(flip.taken.act) ? fmt::format("{} &rarr; {}", from, to)
                               : fmt::format("stays on {} ({} was asked)", from, to);
}

std::string overview(const DemoResult& result) {
  std::string out =
      "<div class=\"scroll\"><table><thead><tr><th>#</th><th>flip</th><th>asked how</th><th>the server</th><th>the far "
      "party</th></tr></thead><tbody>\n";
  for (std::size_t i = 0; i < result.flips.size(); ++i) {
    const JudgedFlip& flip = result.flips[i];
    out += fmt::format(
        "<tr><td>{0}</td><td><a href=\"#flip-{0}\">{1}</a></td><td>{2}</td><td>{3}</td><td>{4}</td></tr>\n", i + 1,
        where(flip), escaped(act_title(flip.taken.act)), badge(flip.server_kept(), flip.server_kept() ? "kept" : "RED"),
        badge(flip.far.kept, flip.far.kept ? "kept" : "RED"));
  }
  return out + "</tbody></table></div>\n";
}

std::string section(const JudgedFlip& flip, std::size_t number) {
  std::string out =
      fmt::format("<section id=\"flip-{0}\"><h2>{0}. {1} {2}</h2>\n<p class=\"dim\">{3}. {4}, outcome: {5}.</p>\n",
                  number, where(flip), badge(flip.kept(), flip.kept() ? "kept" : "RED"),
                  escaped(act_title(flip.taken.act)), escaped(flip.taken.id), escaped(flip.taken.outcome));
  out += fmt::format(
      "<div class=\"picture\"><img src=\"flip-{0}.svg\" alt=\"Timeline of flip {0}: packets of the first device, of "
      "the second, and "
      "what the far party got\"></div>\n",
      number);
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
  const auto collect = [&](const ShownLines& lines, std::string_view observer) {
    for (const auto& [key, line] : lines) {
      if (line.kept != false) continue;
      out.push_back(fmt::format("{}: {} is {} ({}){}", observer, line.title, line.value, line.limit,
                                line.note.empty() ? "" : "; " + line.note));
    }
  };
  collect(shown_lines(flip.server), "the server");
  collect(shown_lines(flip.far), "the far party");
  if (!flip.as_wanted()) out.push_back("its outcome is " + flip.taken.outcome);
  return out;
}

std::string demo_page(const DemoResult& result) {
  const bool kept = result.kept();
  std::string out(kHead);
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
