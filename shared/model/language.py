"""Which languages texts are in, by their commonest words, and whether a text is in one that was never taught. Pure.

Languages are BCP 47 codes. One that has no line here is told from those that have by being unknown word for word.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

UNDETERMINED = "und"
TAUGHT_SHARE = 0.1  # of the texts that show a language, for it to count as taught
KNOWN_SHARE = 1 / 3  # of a text's words, below which nobody can say what it means
KNOWN_SHARE_ALONE = 0.51  # the same of a text without one common word, such as two nouns

_WORD = re.compile(r"[^\W\d_]+")

# Pronouns, articles, prepositions, auxiliaries, question words and courtesies, as anybody's grammar lists them.
_COMMON = """
en: i me my mine we us our you your he him his she her it its they them their this that these those a an the and or
en: but if so because of in on at to for from by with about into after before since until as than is am are was were
en: be been being do does did done have has had will would could can should shall may might must not no yes please hi
en: hello hey thanks thank dear there here what which who whose how when where why any some all each other more most
en: very too also someone somebody anyone something anything nothing everything one two three ten first last next
en: recent old good bad long many much few little make made see look find give tell show view say know think use used
en: go going come came take back out up down over under between per off through while whether really able sure maybe
en: perhaps today tomorrow yesterday day days week weeks month year time minute minutes every another own same such
en: well right just only still now then again yet never always get got want need like let im ive don t s m ve ll d re
en: cant
de: ich du er sie es wir ihr mich mir mein meine meinen meiner meinem dein deine ihre ihren ihrer uns unser der die
de: das den dem des ein eine einen einem einer und oder aber nicht kein keine ist sind war bin habe hat haben hatte
de: wird werden kann können könnte möchte will wollen bitte danke hallo guten tag für von mit zu zum zur auf aus bei
de: nach wie wo was wann warum wer noch schon nur auch wenn dass seit über sehr gerne mehr im am vom immer
fr: je tu il elle nous vous ils elles mon ma mes votre vos le la les un une des du de et ou mais ne pas est sont suis
fr: ai avez ont été être avoir peux pouvez voudrais veux bonjour merci svp plaît pour avec dans sur par ce cette ces
fr: qui que quoi où quand comment pourquoi moi au aux en j l d n c qu très encore plus toujours
es: yo tú él ella nosotros usted ustedes mi mis tu su sus el la los las un una unos y o pero no es son está están
es: estoy he ha han tengo tiene quiero quisiera puedo puede puedes hola gracias por favor para con de del en que qué
es: cómo dónde cuándo cuál este esta esto ese muy más todavía me se le lo al ya sin necesito buenos días
it: io tu lui lei noi voi mio mia miei mie il lo la gli le un uno una e o ma non è sono sei ho hai ha abbiamo hanno
it: vorrei voglio posso può potete ciao salve buongiorno grazie prego per con di del della dei nel nella che chi come
it: dove quando perché questo questa mi si ci molto ancora più già da al alla
pt: eu tu ele ela nós você vocês meu minha meus minhas seu sua o os as um uma e ou mas não é são está estão estou
pt: tenho tem quero queria gostaria posso pode olá oi obrigado obrigada por favor para com de do da dos das em no na
pt: que qual como onde quando porque este esta isso muito mais ainda me se já sem preciso bom dia
nl: ik jij je u hij zij wij we mijn jouw uw ons onze de het een en of maar niet geen is zijn was ben heb heeft hebben
nl: had wordt kan kunnen kunt wil zou graag alstublieft bedankt hallo goedendag voor van met naar op uit bij hoe waar
nl: wat wanneer waarom wie nog al ook als dat sinds over zeer meer te dit deze er
sv: jag du han hon vi ni de mig min mitt mina din ditt er en ett och eller men inte är var har hade kan skulle vill
sv: hej tack snälla för av med till på från hos hur vad när varför vem ännu också om att det den detta mycket mer få
da: jeg du han hun vi i de mig min mit mine din en et og eller men ikke er var har havde kan kunne vil gerne hej tak
da: venligst for af med til på fra hos hvordan hvor hvad hvornår hvorfor hvem endnu også om at det den dette meget
da: mere
no: jeg du han hun vi dere meg min mitt mine din en ei et og eller men ikke er var har hadde kan kunne vil gjerne hei
no: takk for av med til på fra hos hvordan hvor hva når hvorfor hvem ennå også om at det den dette veldig mer
fi: minä sinä hän me te he minun minulla sinun teidän ja tai mutta ei en ole on oli olen voi voin voisitteko haluan
fi: haluaisin hei kiitos missä mikä mitä milloin miksi kuinka miten se tämä että kun vielä myös tilaukseni
pl: ja ty on ona my wy mnie mi mój moja moje moją twój pan pani nie tak jest są był była mam ma mogę może proszę chcę
pl: chciałbym chciałabym dzień dobry cześć dziękuję dla z ze do na w we od po za i lub ale że jak gdzie co kiedy
pl: dlaczego kto jeszcze też się to ten ta bardzo więcej
cs: já ty on ona my vy mě mi můj moje moji váš vaše ne ano je jsou byl byla mám má mohu můžu může prosím chci chtěl
cs: chtěla dobrý den ahoj děkuji pro z ze do na v ve od po za a nebo ale že jak kde co kdy proč kdo ještě také se to
cs: ten velmi
hu: én te ő mi ti ők a az után egy és vagy de nem van volt vagyok kérem szeretnék szeretném tudok lehet köszönöm szia
hu: üdvözlöm hol mikor miért ki hogyan még is hogy ez nagyon több
ro: eu tu el ea noi voi meu mea mei mele un o și sau dar nu este sunt am are au vreau doresc pot puteți bună salut
ro: mulțumesc vă rog pentru cu de la din pe în ce cum unde când care acest această foarte mai încă
tr: ben sen o biz siz benim senin sizin bir ve veya ama değil var yok mı mi mu mü istiyorum lütfen merhaba teşekkürler
tr: teşekkür ederim için ile nerede ne zaman neden kim nasıl bu şu çok daha hâlâ
id: saya aku kamu anda dia kami kita mereka yang dan atau tapi tidak bukan ada adalah sudah belum bisa mau ingin
id: tolong mohon halo terima kasih untuk dengan dari ke di pada apa bagaimana mana kapan mengapa siapa ini itu sangat
id: lebih masih
vi: tôi bạn anh chị chúng của và hoặc nhưng không là có đã chưa được muốn xin vui lòng chào cảm ơn cho với từ đến ở
vi: trong gì nào đâu khi sao ai này đó rất hơn vẫn
"""


def _read() -> Mapping[str, frozenset[str]]:
    words: dict[str, set[str]] = {}
    for line in _COMMON.strip().splitlines():
        code, _, listed = line.partition(": ")
        words.setdefault(code, set()).update(listed.split())
    return {code: frozenset(listed) for code, listed in words.items()}


COMMON = _read()


def languages_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the languages that at least a tenth of the texts which show one are in; `und` where none shows any."""
    counts = Counter(code for text in texts if (code := _language_of(text)))
    total = counts.total()
    return tuple(sorted(code for code, n in counts.items() if n >= TAUGHT_SHARE * total)) or (UNDETERMINED,)


def _language_of(text: str) -> str:
    """Return the language with most words of the text, or nothing where two have as many or none has any."""
    words = _words(text)
    if _in_other_script(words) > len(words) / 2:
        return UNDETERMINED
    (first, most), (_, next_most) = Counter({code: _count(words, own) for code, own in COMMON.items()}).most_common(2)
    return first if most > next_most else ""


def is_foreign(text: str, taught: Collection[str], vocabulary: Collection[str]) -> bool:
    """Say whether a text is in another language than those `taught`, also where it borrows their words.

    It is if another has more of its common words than they have, or if too few words are common or in `vocabulary`, the
    words that training saw.
    """
    words = _words(text)
    own = frozenset().union(*(COMMON.get(code, frozenset()) for code in taught))
    common = _count(words, own)
    if UNDETERMINED not in taught:
        others = (_count(words, listed) for code, listed in COMMON.items() if code not in taught)
        if max(_in_other_script(words), *others) > common:
            return True
    known = sum(word in own or word in vocabulary for word in words)
    return known < (KNOWN_SHARE if common else KNOWN_SHARE_ALONE) * len(words)


def _in_other_script(words: Iterable[str]) -> int:
    return sum(not unicodedata.name(word[0], "").startswith("LATIN") for word in words)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _count(words: Iterable[str], listed: frozenset[str]) -> int:
    return sum(word in listed for word in words)
