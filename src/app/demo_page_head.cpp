// The head of the demo's page: its style sheet, light and dark, wide and narrow.
#include "app/demo_page.h"

namespace segue::app {

std::string_view demo_page_head() {
  static constexpr std::string_view kHead = R"(<!doctype html>
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
.picture img{display:block;width:100%;height:auto;margin:.8rem 0}
a{color:var(--c0)}
summary{cursor:pointer;color:var(--dim);padding:.3rem 0}summary:hover{color:var(--ink)}
section{border-top:1px solid var(--faint);margin-top:2.2rem}section h2{margin-top:1.4rem}
.num{white-space:nowrap}
@media (max-width:40rem){
h1{font-size:1.4rem}.how{display:none}
.lines thead{display:none}.lines tr{display:block;padding:.45rem 0;border-bottom:1px solid var(--faint)}
.lines td{display:block;border:0;padding:.05rem 0}.lines td:first-child{font-weight:600}
.lines td[data-of]::before{content:attr(data-of) ": ";color:var(--dim)}}
</style></head><body><main>
)";
  return kHead;
}

}  // namespace segue::app
