package main

import "strings"

var (
	// favourites are common as they stand.
	favourites = strings.Fields(`
		password passw0rd p@ssword p@ssw0rd pa55word pa55w0rd passwords password! p@$$word p@$$w0rd pa$$word pa$$w0rd
		my_password mypassword thepassword newpassword oldpassword nopassword notpassword password123456 passwordpassword
		iloveyou iloveyou1 iloveyou2 iloveyou! iloveyou123 ilovegod ilovejesus iloveme1 iloveyousomuch loveyou1 loveyou2
		letmein1 letmein! letmein123 letmeinnow letmein12 openopen opensesame opensesame1 trustno1 trustnoone
		qwerty12 qwerty123 qwerty1234 qwerty12345 qwerty123456 qwerty123! 123qwerty 1234qwerty 12345qwerty 123456qwerty
		qwertyqwerty qwertzqwertz azertyazerty qwert123 qwert1234 qwert12345 asdf1234 asdfasdf asdf12345 asdfjkl; asdf;lkj
		zxcv1234 zxcvzxcv 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1q2w3e4r5t6y7u q1w2e3r4 q1w2e3r4t5 q1w2e3r4t5y6 1qaz2wsx
		1qaz2wsx3edc 1qaz2wsx3edc4rfv 1qazxsw2 1qaz!qaz !qaz2wsx zaq12wsx zaq1xsw2 zaq1zaq1 xsw2zaq1 qazwsxedc qazwsx123
		qazwsxedcrfv qaz123wsx 123qweasd 123qweasdzxc qweasdzxc qweasd123 qwe123qwe qwe123asd 123qwe123 123qwe456
		qweqwe123 asd123asd asdqwe123 zxc123zxc zxcasdqwe qwer1234 qwer12345 1234qwer 4321rewq rewq4321 asdfqwer qwerasdf
		1a2b3c4d 1a2b3c4d5e a1b2c3d4 a1b2c3d4e5 a123456b aa123456 aa123456789 a1234567 a12345678 a123456789 1234567a 12345678a
		123456789a 12345abc 123456ab abc12345 abc123456 abc123abc abcd1234 abcd12345 1234abcd 123abc123 abcde123 abcde12345
		abcdef12 abcdef123 abcdefgh abcdefghi abcdefghij abcdefgh1 aabbccdd aaaa1111 1111aaaa abcabcabc abc123xyz
		0123456789 1234567890 12345678 123456789 12345678910 1234567891 123456781 123456780 0987654321 987654321 9876543210
		87654321 123654789 789456123 147258369 159357456 741852963 963852741 321654987 987456321 147852369 123789456
		456123789 159753456 159357258 753951456 01234567 012345678 10203040 1020304050 102030405060 112233445566 1122334455
		11223344 44332211 13579246 135792468 1357924680 24681012 2468101214 12344321 123454321 1234554321 123321123 123123456
		31415926 3141592653 314159265 27182818 11235813 1123581321 14142135 12341234 11112222 22221111 12121212 21212121
		13131313 10101010 01010101 00001111 11110000 69696969 96969696 42424242 20202020 19191919 88888888 00000007
		changeme changeme1 changeme! changeme123 changethis changeit1 default1 defaultpassword temppass temppass1 temp1234
		temporary tempo123 testtest test1234 test12345 testing1 testing123 testtesttest tester123 test1test testpass
		testpassword guest123 guestguest guest1234 user1234 user12345 useruser username username1 usernamepassword
		admin123 admin1234 admin12345 admin123456 adminadmin admin@123 admin@1234 admin!23 admin2020 admin2021 admin2022
		admin2023 admin2024 admin2025 adminpass adminpassword administrator administrator1 root1234 rootroot rootpass
		rootpassword toor1234 superuser superuser1 sysadmin sysadmin1 operator operator1 manager1 supervisor service1
		letmein2 logmein1 welcome1 welcome2 welcome! welcome123 welcome12 welcome1234 welcome@123 welcomehome welcomeback
		secret12 secret123 secret1234 secretsecret topsecret verysecret mysecret secretpassword password@123 password#1
		pass1234 pass12345 pass123456 pass@123 pass@1234 passpass passpass1 p@ss1234 p4ssw0rd p4ssword passport passphrase
		passcode passcode1 passkey1 codecode login123 loginlogin signin123 access14 accessme access123 computer computer1
		internet internet1 internet123 network1 server01 server123 database oracle123 mysql123 postgres postgres1
		cisco123 ubuntu123 debian123 linux123 windows1 windows7 windows10 windows11 microsoft microsoft1 google123 facebook
		facebook1 instagram youtube1 twitter1 snapchat linkedin whatsapp telegram samsung1 samsung123 iphone123 nokia123
		motorola blackberry playstation playstation1 nintendo nintendo1 xbox3600 minecraft minecraft1 minecraft123
		fortnite fortnite1 roblox123 callofduty pokemon1 pokemon123 pikachu1 charizard starwars starwars1 startrek
		startrek1 harrypotter hogwarts gryffindor slytherin gandalf1 legolas1 lordoftherings gameofthrones winteriscoming
		starcraft warcraft worldofwarcraft counterstrike halflife2 skywalker darthvader chewbacca jedimaster deathstar
		superman superman1 superman123 batman123 batman12 batman11 spiderman spiderman1 spiderman123 wolverine ironman1
		captainamerica deadpool1 wonderwoman catwoman1 superstar superstar1 rockstar rockstar1 princess princess1 princess2
		princess123 sunshine sunshine1 sunshine2 sunshine123 football football1 football12 football123 baseball baseball1
		baseball123 basketball basketball1 softball softball1 volleyball swimming lacrosse hockey123 soccer12 soccer123
		cheerleader gymnastics liverpool liverpool1 liverpool123 arsenal1 arsenal123 chelsea1 chelsea123 manchester
		manchesterunited manutd123 barcelona barcelona1 realmadrid juventus juventus1 borussia bayern123 galatasaray
		fenerbahce besiktas panathinaikos corinthians flamengo palmeiras saopaulo bocajuniors riverplate ronaldo7 ronaldo1
		messi123 cristiano cristiano7 steelers steelers1 cowboys1 yankees1 lakers24 redsox123 patriots packers1 broncos1
		whatever whatever1 whatever! whatsup1 nothing1 nothing123 something something1 everything anything blahblah
		blahblah1 blablabla blabla123 asdfghjkl asdfghjkl1 asdfgh123 asdfgh12 qwertyuiop qwertyuiop1 zxcvbnm1 zxcvbnm123
		mynameis myname123 fuckyou1 fuckyou2 fuckyou! fuckyou123 fuckoff1 fuckthis fuckface asshole1 asshole123 bullshit
		bullshit1 bitch123 bitchass motherfucker shithead dickhead sexsexsex sexy1234 sexybitch sexygirl sexyboy1 hotgirl1
		babygirl babygirl1 babygirl2 babygirl123 babyboy1 babydoll babyblue sweetheart sweetheart1 sweetie1 sweetpea
		honeybee honeymoon lovelove lovelove1 lovers12 loverboy lovergirl loveforever foreverlove forever1 foreverlove1
		forever21 iloveher ilovehim beautiful beautiful1 gorgeous pretty123 handsome handsome1 darling1 cutiepie
		butterfly butterfly1 rainbow1 unicorn1 unicorns mermaid1 angel123 angelbaby angeleyes angel1234 devil666 devil123
		lucifer1 lucifer666 satan666 jesus123 jesuschrist jesusislord jesus777 godisgood godislove godbless godisgreat
		blessed1 blessing bismillah allahuakbar alhamdulillah muhammad krishna1 saibaba1 omsairam jaishreeram hallelujah
		heaven77 christian christian1 christmas christmas1 halloween halloween1 birthday birthday1 valentine
		elephant elephant1 dolphins dolphin1 kangaroo crocodile tigger12 tigers12 panther1 panthers cheetah1 lionking
		lionheart wolfpack wolfgang eagles12 falcon16 dragon12 dragon123 dragon1234 dragonball dragonballz dragonfly
		phoenix1 monkey12 monkey123 monkey1234 monkeyman monkeyboy chicken1 chicken123 cowgirl1 buffalo1 pussycat pussycat1
		kittykat kittycat kitty123 hellokitty hellokitty1 puppylove puppydog bulldog1 bulldogs snoopy12 scooby12 scoobydoo
		garfield garfield1 mickey12 mickeymouse minnie12 minniemouse donaldduck tweety12 spongebob spongebob1 patrick1
		homer123 simpsons simpsons1 bartsimpson southpark familyguy naruto123 sasuke123 itachi123 onepiece luffy123
		goku1234 vegeta123 kakashi1 sailormoon chocolate chocolate1 chocolate123 vanilla1 cookie12 cookie123 cookies1
		cupcake1 icecream icecream1 candy123 cheese12 cheese123 cheesecake pizza123 pepper12 pepperoni spaghetti
		hamburger sandwich strawberry strawberry1 blueberry raspberry pineapple watermelon banana12 banana123 bananas1
		cherry12 peaches1 orange12 orange123 lemonade apple123 apple1234 apples123 coffee12 cocacola cocacola1 pepsi123
		mountaindew drpepper budweiser heineken guinness jackdaniels smirnoff whiskey1 tequila1 marlboro marlboro1
		marijuana mercedes mercedes1 mustang1 mustang67 mustang69 corvette corvette1 camaro69 chevrolet chevelle ferrari1
		ferrari123 lamborghini porsche1 porsche911 porsche9 bmw12345 toyota12 honda123 yamaha12 suzuki12 kawasaki harley12
		harleydavidson hayabusa ducati916 volkswagen skateboard snowboard snowboarding surfing1 surfer12 skateboarding
		guitar12 guitar123 guitarhero metallica metallica1 nirvana1 slipknot slipknot1 linkinpark linkinpark1 greenday
		greenday1 blink182 eminem12 eminem123 slimshady tupac123 2pacshakur onedirection justinbieber michaeljackson
		beatles1 ledzeppelin pinkfloyd pinkfloyd1 ironmaiden acdc1234 metal666 rocknroll rock1234 music123 musiclover
		hello123 hello1234 hello12345 hello123456 hellohello helloworld helloworld1 hello1hello hallo123 hallo1234
		hallohallo bonjour1 bonjour123 holahola hola1234 ciaociao ciao1234 goodbye1 goodluck goodmorning goodnight
		freedom1 freedom123 freedom! liberty1 america1 america123 american canada12 australia england1 england123 scotland
		ireland1 germany1 deutschland france98 francia1 espana123 portugal portugal1 brasil123 brazil123 argentina mexico12
		mexico123 colombia venezuela jamaica1 pakistan pakistan1 pakistan123 india123 india1234 bangladesh indonesia
		indonesia1 malaysia philippines singapore hongkong thailand vietnam1 turkiye1 istanbul istanbul34 ankara06
		russia123 moscow12 ukraine1 poland12 polska12 polska123 warszawa budapest london12 london123 paris123 paris1234
		berlin12 berlin123 amsterdam madrid123 california california1 newyork1 newyork123 newyorkcity losangeles chicago1
		florida1 texas123 lasvegas hollywood hollywood1 manhattan brooklyn brooklyn1 boston12
		passwort passwort1 passwort123 passwort! geheim12 geheim123 schatz12 schatz123 schatzi1 sommer123 winter123
		ichliebedich fussball fussball1 sonnenschein schalke04 hallo12345 qwertz12 qwertz123 qwertz1234 qwertzui qwertzuiop
		motdepasse motdepasse1 azerty12 azerty123 azerty1234 azertyui azertyuiop azerty123456 jetaime1 jetaime123 soleil12
		soleil123 doudou12 chouchou loulou12 loulou123 marseille marseille13 nicolas1 coucou12 coucou123 coucoucou
		contrasena contraseña contrasena1 contraseña1 teamo123 teamomucho tequiero tequiero1 tequieromucho teamoteamo
		amormio1 miamor123 mivida12 corazon1 estrella estrella1 princesa princesa1 mariposa bonita12 hermosa1 chocolat
		senha123 senha1234 senha12345 minhasenha brasil10 flamengo1 corinthians1 palmeiras1 vasco123 gremio12 amorzinho
		wachtwoord wachtwoord1 welkom01 welkom12 welkom123 hallo12 losenord1 lösenord sommar12 haslo123 haslo1234 zaq12wsx1
		kochamcie kocham12 polska1 mateusz1 qwerty11 heslo123 heslo1234 jelszo12 jelszo123 parola12 parola123 sifre123
		sifre1234 parolam1 askim123 askimaskim sevgilim fenerbahce1907 galatasaray1905 besiktas1903 parola1234 salasana
		salasana1 perkele1 passord1 passord123 adgangskode kodeord1 lozinka1 lozinka123 sifra123 zaporka1 kakashka privet123
		пароль12 пароль123 пароль1234 парольпароль привет123 приветпривет йцукенгш йцукен12 йцукен123 йцукенгшщз фывапрол
		фывапролд ячсмитьб любовь123 наташа123 марина123 россия123 москва123 спартак1
		5201314520 520131400 woaini123 woaini520 woaini1314 woaiwojia iloveu123 wojiushiwo wang1234 zhang123 asd123456
		qq123456 qq123456789 q123456789 w123456789 z123456789 zxc123456 zz123456 abc123456789 wang123456 li123456
		0000000000a 1qa2ws3ed 1234asdf asdf4321 qwe12345 qwe123456 qweasdzxc123 qwerty00 qwerty01 qwerty77 qwerty99 qwertyu1
		snug1234 snugsnug snugchat chatchat chat1234 chatroom correcthorsebatterystaple correcthorse hunter22
		hunter123 ncc1701d ncc1701e ncc1701a thx11380 r2d2c3po c3por2d2 007james jamesbond jamesbond007 bond0007 agent007
		agent0007 area5151 matrix12 matrix123 theone11 trinity1 redpill1 neo12345 zion1234 terminator predator aliens12
		godfather scarface scarface1 goodfellas rockyrocky gladiator maximus1 spartacus braveheart highlander excalibur
		merlin12 arthur12 camelot1 lancelot knight12 warrior1 warriors crusader templar1 assassin assassin1 creed123 ninja123
		ninja1234 samurai1 shaolin1 bruce123 brucelee jackiechan kungfu12 karate12 boxing12 wrestling undertaker johncena
		johncena1 stonecold wrestlemania rambo123 rocky123 tyson123 jordan23 michael23 kobe2424 lebron23 shaquille
		beckham7 beckham23 ronaldinho zidane10 maradona10 pele1010 messi1010 neymar11 neymar10 mbappe10`)

	words = strings.Fields(`
		password pass qwerty admin welcome letmein monkey dragon master shadow sunshine princess football baseball
		superman batman hello login secret abc test love summer winter spring autumn january february march april june july
		august september october november december monday tuesday wednesday thursday friday saturday sunday computer
		internet freedom flower cookie cheese banana orange purple yellow silver golden diamond crystal angel devil heaven
		killer hunter ranger soccer hockey tennis guitar music pepper ginger tigger snoopy buster bailey maggie lucky tiger
		lion eagle falcon panther dolphin horse kitty puppy bear wolf star moon sun sky ocean river forest mountain
		thunder lightning storm phoenix knight ninja pirate wizard magic matrix pokemon naruto mustang ferrari porsche
		yamaha honda toyota samsung apple google windows linux system server network manager support office company
		school student teacher family friend brother sister mother father baby sweet honey sugar candy chocolate
		jesus spirit faith blessed america england germany france spain italy mexico canada india london paris berlin
		passwort hallo geheim schatz sommer motdepasse bonjour soleil azerty qwertz amor hola senha welkom haslo parola`)

	wordEndings = strings.Fields("1 12 123 1234 12345 123456 01 11 99 007 ! 1! 123! @123 @1 #1 2023 2024 2025 2026")

	names = strings.Fields(`
		michael jennifer jessica michelle daniel ashley matthew andrew joshua anthony robert thomas charlie jordan
		william george jasmine nicole samantha amanda andrea alexander alexandra alexis david james john joseph
		christopher brandon justin ryan steven richard charles patrick benjamin samuel nicholas jonathan kevin brian
		jason eric mark peter paul martin simon stephen edward henry oliver harry jack oscar max leo lucas liam noah
		emma olivia sophia isabella mia charlotte amelia emily hannah sarah laura anna maria elena julia lisa lena
		sandra sabrina vanessa melissa stephanie elizabeth victoria rebecca rachel natalie natasha katherine caroline
		carlos juan jose miguel antonio francisco alejandro fernando ricardo pedro pablo diego roberto manuel eduardo
		giovanni francesco marco luca andreas stefan sebastian tobias florian markus wolfgang pierre nicolas camille
		ahmed mohamed muhammad ali hassan omar fatima mehmet mustafa ivan dmitry sergey vladimir tatiana olga svetlana
		raj priya rahul deepak sanjay pooja`)

	nameEndings = strings.Fields("1 12 123 1234 12345 01 11 ! 2023 2024 2025")

	// rows are rows and columns of keys, and of letters and digits in their order.
	rows = strings.Fields(`
		qwertyuiop[] asdfghjkl;' zxcvbnm,./ qwertzuiopü asdfghjklöä yxcvbnm,.- azertyuiop qsdfghjklm 12345678901234567890
		01234567890123456789 abcdefghijklmnopqrstuvwxyz qazwsxedcrfvtgbyhnujm 1qaz2wsx3edc4rfv5tgb6yhn 1q2w3e4r5t6y7u8i9o0p
		q1w2e3r4t5y6u7i8o9p0 a1s2d3f4g5h6j7k8l9 !@#$%^&*()_+ 1!2@3#4$5%6^7&8*9(0) qwertyasdfgh qwertyasdfghzxcvbn
		asdfghzxcvbn qweasdzxcrtyfgh 1a2b3c4d5e6f7g8h zxcvbnmasdfghjkl qwertyuiopasdfghjklzxcvbnm`)

	// blocks are what people repeat until it is long enough.
	blocks = strings.Fields(`
		12 21 123 321 1234 4321 123456 00 01 10 11 13 69 420 666 777 007 abc cba abcd xyz aaa qwe asd zxc qaz wsx ab aa xx
		xo xoxo ha haha lol la lala bla na nana ja jaja jo da do no yes ok go hi bye love sex test pass hello pizza cat
		dog mom dad baby king 1a a1 1q q1 12a abc1 abc123 qwerty asdf zxcv qwer`)

	repeated = "0123456789abcdefghijklmnopqrstuvwxyz.*-!?#@$+_ "

	seasons = strings.Fields("spring summer autumn fall winter january march april june july august september october november december")
)
