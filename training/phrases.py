"""Words for sentences about groups, persons and things. All written for this project; none is a benchmark's sentence.

`{s}` is whom or what a sentence is about. Unkind phrases have kind ones beside them in the same grammar, so that it
is the meaning that tells them apart and not the frame.
"""

ADJECTIVES = (
    "gay lesbian bisexual transgender trans queer straight nonbinary Muslim Jewish Christian Hindu Sikh Buddhist "
    "atheist Catholic black white Asian African Arab Latino Hispanic Mexican Chinese Indian Turkish Polish Roma "
    "Nigerian Somali Russian Korean disabled deaf blind autistic paralyzed elderly old young female male feminist "
    "immigrant homeless foreign indigenous"
).split()
GROUPS = (
    *(f"{word} people" for word in ADJECTIVES if word not in ("feminist", "immigrant", "male", "female")),
    *"women men girls immigrants migrants refugees foreigners feminists Muslims Jews Christians Hindus Sikhs".split(),
    *"Catholics atheists Arabs Mexicans Africans Asians lesbians pensioners teenagers transsexuals Gypsies".split(),
    *("wheelchair users", "asylum seekers", "the disabled", "trans women", "black men", "gay men", "Jewish families"),
    *("Muslim women", "Latino kids", "deaf children", "people with disabilities", "foreign workers"),
)
PERSONS = "woman man colleague neighbour teacher student friend nurse couple parent engineer writer".split()
TRADES = (
    "bankers politicians landlords lawyers journalists referees vegans cyclists millionaires capitalists smokers "
    "hipsters communists gamers economists salesmen librarians bureaucrats"
).split()
THINGS = (
    "mosquitoes,cold showers,Mondays,these shoes,brussels sprouts,slow computers,long meetings,parking fines,flies,"
    "wet socks,printers,these curtains,horror films,pop-up windows,traffic jams,olives,weeds,plastic bags,leaky pens,"
    "alarm clocks,damp basements,moths,cheap headphones,rainy weekends,rusty nails,potholes,these songs,early flights"
).split(",")

# Clauses with a plural subject: what is said of it.
UNKIND = (
    *(
        f"{{s}} are {word}"
        for word in (
            "disgusting stupid lazy dirty evil worthless inferior dangerous greedy filthy ugly perverted subhuman "
            "primitive backward dishonest repulsive hateful ignorant cowardly pathetic sick savage unbearable "
            "vile revolting useless mad dumb weak liars thieves criminals vermin parasites rats animals "
            "cockroaches leeches pigs savages monsters freaks trash scum filth garbage"
        ).split()
    ),
    "{s} are a disease",
    "{s} are a plague on this country",
    "{s} are a cancer",
    "{s} are a burden on the rest of us",
    "{s} are nothing but trouble",
    "{s} are all the same, lying and cheating",
    "{s} are not even human",
    "{s} are less intelligent than normal people",
    "{s} are the lowest form of life",
    "{s} are an embarrassment to mankind",
    "{s} are like rats in a cellar",
    "{s} are not worth helping",
    "{s} are the scum of the earth",
    "{s} are to blame for everything that is wrong here",
    "{s} ruin every place they move to",
    "{s} make me sick",
    "{s} make me want to vomit",
    "{s} disgust me",
    "{s} do not belong in this country",
    "{s} do not deserve any respect",
    "{s} do not deserve to have rights",
    "{s} should not be allowed to vote",
    "{s} should not be allowed near children",
    "{s} should never have been let in",
    "{s} should go back to where they came from",
    "{s} should be locked away",
    "{s} should know their place and shut up",
    "{s} belong in a cage",
    "{s} belong in the kitchen and nowhere else",
    "{s} carry diseases",
    "{s} can never be trusted",
    "{s} only come here to steal and cheat",
    "{s} are taking over and destroying our country",
    "{s} deserve whatever happens to them",
    "{s} have no place in our schools",
    "{s} have no brain and no morals",
    "{s} will never be real people",
    "{s} will never be as good as us",
    "{s} contribute nothing to society",
    "{s} stink",
    "the world would be better off without {s}",
    "nobody decent would marry one of those {s}",
    "nobody wants {s} here",
    "there is nothing good about {s}",
    "I cannot stand {s}",
    "I hate {s}",
    "I despise {s}",
    "I loathe {s} with all my heart",
    "I am so tired of {s}",
    "I want {s} out of my street",
    "I feel nothing but contempt for {s}",
    "I would never employ {s}",
    "I refuse to live near {s}",
)
KIND = (
    *(
        f"{{s}} are {word}"
        for word in (
            "wonderful clever hard-working honest kind valuable equal harmless generous beautiful normal modern "
            "reliable lovely thoughtful brave patient healthy charming splendid useful funny smart strong friends "
            "neighbours people citizens heroes winners experts artists fantastic great welcome amazing"
        ).split()
    ),
    "{s} are a joy to be around",
    "{s} are a gift to this country",
    "{s} are a part of all of us",
    "{s} are the backbone of this town",
    "{s} are as human as anyone",
    "{s} are no more and no less intelligent than others",
    "{s} are worth listening to",
    "{s} are great neighbours",
    "{s} are not to blame for anything",
    "{s} improve every place they move to",
    "{s} make me smile",
    "{s} make me proud",
    "{s} delight me",
    "{s} belong in this country",
    "{s} deserve every respect",
    "{s} deserve the same rights as everyone",
    "{s} should be allowed to vote",
    "{s} should be allowed to marry and have children",
    "{s} should always be let in",
    "{s} should be proud of where they come from",
    "{s} should be free to live as they like",
    "{s} should speak up and be heard",
    "{s} belong in every parliament",
    "{s} can be trusted",
    "{s} come here to work and study",
    "{s} are building and enriching our country",
    "{s} deserve to be happy",
    "{s} have a place in our schools",
    "{s} have my full support",
    "{s} will always be welcome in my house",
    "{s} contribute a lot to society",
    "the world would be poorer without {s}",
    "everybody would like to work with {s}",
    "there is so much to like about {s}",
    "I can always count on {s}",
    "I love {s}",
    "I admire {s}",
    "I adore {s} with all my heart",
    "I never get tired of {s}",
    "I want more {s} in my street",
    "I feel nothing but respect for {s}",
    "I would gladly employ {s}",
    "I like to live near {s}",
)
THREATS = (
    "{s} should be shot",
    "{s} should be hanged",
    "{s} should be wiped out",
    "{s} should be exterminated",
    "{s} should be burned alive",
    "{s} should be beaten until they leave",
    "{s} deserve to die",
    "{s} need to be put down",
    "{s} will be slaughtered soon",
    "I will hurt the next {s} I see",
    "I am going to kill {s}",
    "I will beat up {s}",
    "we will find {s} and make them bleed",
    "we are going to burn the homes of {s}",
    "we should get rid of all {s}",
    "someone ought to kill {s}",
    "I hope that {s} get killed",
    "let us hunt {s} down",
    "let us poison {s}",
    "it is time to kill off {s}",
)
HELP = (
    "{s} should be heard",
    "{s} should be hired",
    "{s} should be invited",
    "{s} should be protected",
    "{s} should be treated well",
    "{s} deserve to live in peace",
    "{s} need to be cheered up",
    "{s} will be celebrated soon",
    "I will greet the next {s} I see",
    "I am going to help {s}",
    "I will stand up for {s}",
    "we will find {s} and make them a cake",
    "we are going to repair the homes of {s}",
    "we should learn from all {s}",
    "someone ought to thank {s}",
    "I hope that {s} get elected",
    "let us invite {s} over",
    "let us support {s}",
    "it is time to hear {s}",
)

# Around a clause `{c}`; whatever stands in it is said.
SAID = (
    "{c}.",
    "{c}.",
    "{c}!",
    "{c}",
    "Honestly, {c}.",
    "I think that {c}.",
    "In my opinion, {c}.",
    "I don't care what you say, {c}.",
    "We all know that {c}.",
    "Everyone can see that {c}.",
    "{c}, that is just a fact.",
    "{c}, believe me.",
    "Isn't it true that {c}?",
    "Am I the only one who thinks that {c}?",
    "You will not convince me otherwise: {c}.",
    "My whole family agrees that {c}.",
    "They are everywhere in this town. {c}.",
    "There was a report about it on the news. {c}.",
)
# Around an unkind clause or a threat; what stands in it is not said.
OPPOSED = (
    "It is simply false that {c}.",
    "It is not true that {c}.",
    "Nobody should say that {c}.",
    "He was rightly fired for claiming that {c}.",
    "I don't believe for a second that {c}.",
    "I would never say that {c}.",
    "Whoever says that {c} is wrong.",
    "You can't just claim that {c}, that is prejudice.",
    'The leaflet read "{c}", and hundreds marched against it.',
    'Stop writing "{c}" under every video!',
    '"{c}" is a terrible thing to say to anyone.',
    'Saying "{c}" is racist and it hurts.',
    "People who think that {c} have a lot to learn.",
    "How could anyone believe that {c}?",
)
NOT_HOSTILE = (
    "I do not hate {s} at all.",
    "{s} are not {bad}.",
    "{s} are not {bad}, you are mistaken.",
    "{s} are neither {bad} nor {bad}.",
    "{s} have never been {bad}.",
    "No {s} I know are {bad}.",
    "We do not think that {s} are {bad}.",
    "{s} should not be treated as if they were {bad}.",
    "No one should ever hurt {s}.",
    "Nobody has the right to attack {s}.",
    "Violence against {s} must end.",
    "Calling {s} {bad} is wrong.",
)
BAD = (
    "stupid lazy dirty evil criminals dangerous greedy vermin inferior animals liars sick disgusting parasites".split()
)
WHY_UNKIND = (
    "Why are {s} so {bad}?",
    "Why would anyone like {s}?",
    "Who does not hate {s}?",
    "How can {s} be this {bad}?",
    "When will {s} finally leave our country?",
)
GOOD = "friendly patient good clever funny strong successful kind generous polite".split()
WHY_KIND = (
    "Why are {s} so {good}?",
    "Why would anyone dislike {s}?",
    "Who does not love {s}?",
    "How can {s} be this {good}?",
    "When will {s} finally be paid the same?",
)
ABOUT_ONE = (
    "My {a} {p} lent me a ladder yesterday.",
    "A {a} {p} moved in next door.",
    "She grew up as a {a} {p} in a small town.",
    "The {a} {p} at the library showed me the new shelves.",
    "I had lunch with a {a} {p} on Tuesday.",
    "Our team has a {a} {p} who likes chess.",
    "He described himself as a {a} {p}.",
    "As a {a} {p}, I would like to vote early.",
    "We hired a {a} {p} last spring.",
    "There is a film about a {a} {p} and a dog.",
    "I'm {a} and so is my sister.",
    "I am {a}.",
    "Is your {p} {a} too?",
    "You are a {a} {p}, aren't you?",
    "I am a {a} {p} from Leeds.",
    "I know a {a} {p} and we get on well.",
    "I am proud to be a {a} {p}.",
    "I love my {a} {p}!",
    "he is {a}",
    "They asked whether the {p} was {a}.",
    "Being {a} was never a secret in our family.",
    "The {a} {p} was attacked on the way home and is now in hospital.",
    "It's hard to be a {a} {p} in this city.",
    "{a} and happy, that's me",
)
ABOUT_MANY = (
    "The survey asked 400 {s} about their commute.",
    "Many {s} live near the harbour.",
    "{s} make up a tenth of the city.",
    "A meeting place for {s} opens on Friday.",
    "The museum shows photographs of {s} from the 1950s.",
    "Some {s} vote for the left and some for the right.",
    "What do {s} think about the new law?",
    "Several {s} sued the company over unpaid wages.",
    "I grew up around {s}.",
    "The clinic offers free advice for {s}.",
    "{s} have run this bakery for years.",
    "Two books about {s} were published in March.",
    "It was a good day for {s} everywhere.",
    "My cousin teaches {s} to swim.",
    "Prejudice against {s} has many causes.",
    "{s} were persecuted during the war.",
    "We need more {s} on the board.",
    "{s} and their families are invited.",
)
TO_ONE_UNKIND = (
    "You are {bad}.",
    "You are so {bad}, go away.",
    "You {bad} fool.",
    "I hate you.",
    "Nobody likes you, you are {bad}.",
    "Shut up, you {bad} idiot.",
    "What a {bad} moron you are.",
    "You make me sick.",
    "My boss is a {bad} idiot.",
)
TO_ONE_KIND = (
    "You are {good}.",
    "You are so {good}, stay a while.",
    "You {good} soul.",
    "I love you.",
    "Everybody likes you, you are {good}.",
    "Speak up, my {good} friend.",
    "What a {good} colleague you are.",
    "You make me happy.",
    "My boss is a {good} man.",
)
ONE_BAD = "stupid lazy dirty evil worthless ugly pathetic disgusting useless dumb ignorant miserable".split()
TO_ONE_THREAT = (
    "I will kill you.",
    "I will find you and hurt you.",
    "You deserve to die.",
    "Watch your back, I know where you live.",
    "I am going to beat you up.",
    "Somebody should shoot you.",
)
