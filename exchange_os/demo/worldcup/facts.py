"""The World Cup 2026 as it was known before the first match: teams by group with ratings, and the 104 fixtures.

Kick-offs are minutes after the first one, which is at 19:00 UTC on 11 June 2026. The sides of a knock-out match are
named by where they come from: ``1A`` and ``2A`` the first two of a group, ``3ABCDF`` one of the best third-placed teams
of those groups, ``W74`` and ``L74`` who goes through and who goes out in a match. Ratings are on the scale of Elo, by
guess.
"""

from datetime import UTC, datetime
from typing import NamedTuple

FIRST_KICKOFF = datetime(2026, 6, 11, 19, tzinfo=UTC)


class Fixture(NamedTuple):
    """One match: its number, stage, group (empty in the knock-out rounds), kick-off in minutes, and both sides."""

    number: int
    stage: str
    group: str
    minute: int
    team1: str
    team2: str


#: Teams of each group with their rating.
GROUPS: dict[str, dict[str, int]] = {
    "A": {"Mexico": 1850, "South Africa": 1540, "South Korea": 1780, "Czech Republic": 1760},
    "B": {"Canada": 1780, "Bosnia & Herzegovina": 1650, "Qatar": 1480, "Switzerland": 1880},
    "C": {"Brazil": 2000, "Morocco": 1870, "Haiti": 1550, "Scotland": 1760},
    "D": {"USA": 1770, "Paraguay": 1830, "Australia": 1770, "Turkey": 1880},
    "E": {"Germany": 1950, "Curaçao": 1450, "Ivory Coast": 1750, "Ecuador": 1930},
    "F": {"Netherlands": 1970, "Japan": 1880, "Sweden": 1790, "Tunisia": 1650},
    "G": {"Belgium": 1890, "Egypt": 1720, "Iran": 1770, "New Zealand": 1590},
    "H": {"Spain": 2150, "Cape Verde": 1610, "Saudi Arabia": 1600, "Uruguay": 1890},
    "I": {"France": 2090, "Senegal": 1870, "Iraq": 1620, "Norway": 1920},
    "J": {"Argentina": 2110, "Algeria": 1750, "Austria": 1840, "Jordan": 1690},
    "K": {"Portugal": 1990, "DR Congo": 1680, "Uzbekistan": 1720, "Colombia": 1970},
    "L": {"England": 2040, "Croatia": 1920, "Ghana": 1580, "Panama": 1730},
}
#: Teams that play at home.
HOSTS = ("Mexico", "Canada", "USA")
GROUP_STAGE, ROUND_OF_32, ROUND_OF_16 = "Group stage", "Round of 32", "Round of 16"
QUARTER_FINALS, SEMI_FINALS, THIRD_PLACE, FINAL = "Quarter-finals", "Semi-finals", "Third place", "Final"
#: Knock-out stages in their order.
KNOCKOUTS = (ROUND_OF_32, ROUND_OF_16, QUARTER_FINALS, SEMI_FINALS, THIRD_PLACE, FINAL)
_GROUP_MATCHES = """
0 A Mexico - South Africa
420 A South Korea - Czech Republic
1440 B Canada - Bosnia & Herzegovina
1800 D USA - Paraguay
2880 B Qatar - Switzerland
3060 C Brazil - Morocco
3240 C Haiti - Scotland
3420 D Australia - Turkey
4200 E Germany - Curaçao
4380 F Netherlands - Japan
4560 E Ivory Coast - Ecuador
4740 F Sweden - Tunisia
5580 H Spain - Cape Verde
5760 G Belgium - Egypt
5940 H Saudi Arabia - Uruguay
6120 G Iran - New Zealand
7200 I France - Senegal
7380 I Iraq - Norway
7560 J Argentina - Algeria
7740 J Austria - Jordan
8520 K Portugal - DR Congo
8700 L England - Croatia
8880 L Ghana - Panama
9060 K Uzbekistan - Colombia
9900 A Czech Republic - South Africa
10080 B Switzerland - Bosnia & Herzegovina
10260 B Canada - Qatar
10440 A Mexico - South Korea
11520 D USA - Australia
11700 C Scotland - Morocco
11850 C Brazil - Haiti
12000 D Turkey - Paraguay
12840 F Netherlands - Sweden
13020 E Germany - Ivory Coast
13260 E Ecuador - Curaçao
13500 F Tunisia - Japan
14220 H Spain - Saudi Arabia
14400 G Belgium - Iran
14580 H Uruguay - Cape Verde
14760 G New Zealand - Egypt
15720 J Argentina - Austria
15960 I France - Iraq
16140 I Norway - Senegal
16320 J Jordan - Algeria
17160 K Portugal - Uzbekistan
17340 L England - Ghana
17520 L Panama - Croatia
17700 K Colombia - DR Congo
18720 B Switzerland - Canada
18720 B Bosnia & Herzegovina - Qatar
18900 C Scotland - Brazil
18900 C Morocco - Haiti
19080 A Czech Republic - Mexico
19080 A South Africa - South Korea
20220 E Curaçao - Ivory Coast
20220 E Ecuador - Germany
20400 F Japan - Sweden
20400 F Tunisia - Netherlands
20580 D Turkey - USA
20580 D Paraguay - Australia
21600 I Norway - France
21600 I Senegal - Iraq
21900 H Cape Verde - Saudi Arabia
21900 H Uruguay - Spain
22080 G Egypt - Iran
22080 G New Zealand - Belgium
23160 L Panama - England
23160 L Croatia - Ghana
23310 K Colombia - Portugal
23310 K DR Congo - Uzbekistan
23460 J Algeria - Austria
23460 J Jordan - Argentina
"""
_KNOCKOUT_MATCHES = """
73 R32 24480 2A 2B
74 R32 26010 1E 3ABCDF
75 R32 26280 1F 2C
76 R32 25800 1C 2F
77 R32 27480 1I 3CDFGH
78 R32 27240 2E 2I
79 R32 27720 1A 3CEFHI
80 R32 28620 1L 3EHIJK
81 R32 29100 1D 3BEFIJ
82 R32 28860 1G 3AEHIJ
83 R32 30480 2K 2L
84 R32 30240 1H 2J
85 R32 30720 1B 3EFGIJ
86 R32 31860 1J 2H
87 R32 32070 1K 3DEIJL
88 R32 31620 2D 2G
89 R16 33240 W74 W77
90 R16 33000 W73 W75
91 R16 34620 W76 W78
92 R16 34860 W79 W80
93 R16 36000 W83 W84
94 R16 36300 W81 W82
95 R16 37260 W86 W88
96 R16 37500 W85 W87
97 QF 40380 W89 W90
98 QF 41760 W93 W94
99 QF 43320 W91 W92
100 QF 43560 W95 W96
101 SF 47520 W97 W98
102 SF 48960 W99 W100
103 3RD 53400 L101 L102
104 FINAL 54720 W101 W102
"""
_STAGES = {
    "R32": ROUND_OF_32,
    "R16": ROUND_OF_16,
    "QF": QUARTER_FINALS,
    "SF": SEMI_FINALS,
    "3RD": THIRD_PLACE,
    "FINAL": FINAL,
}


def _group_matches() -> list[Fixture]:
    found = []
    for number, line in enumerate(_GROUP_MATCHES.split("\n")[1:-1], 1):
        minute, group, pairing = line.split(" ", 2)
        team1, team2 = pairing.split(" - ")
        found.append(Fixture(number, GROUP_STAGE, group, int(minute), team1, team2))
    return found


def _knockout_matches() -> list[Fixture]:
    found = []
    for line in _KNOCKOUT_MATCHES.split("\n")[1:-1]:
        number, stage, minute, side1, side2 = line.split()
        found.append(Fixture(int(number), _STAGES[stage], "", int(minute), side1, side2))
    return found


GROUP_FIXTURES = _group_matches()
KNOCKOUT_FIXTURES = _knockout_matches()
RATINGS = {team: rating for teams in GROUPS.values() for team, rating in teams.items()}
#: Who is asked for as top scorer, by team.
SCORERS = {
    "Lamine Yamal": "Spain",
    "Kylian Mbappé": "France",
    "Harry Kane": "England",
    "Lautaro Martínez": "Argentina",
    "Vinícius Júnior": "Brazil",
    "Cristiano Ronaldo": "Portugal",
    "Erling Haaland": "Norway",
    "Jamal Musiala": "Germany",
    "Luis Díaz": "Colombia",
    "Cody Gakpo": "Netherlands",
}
